//! What callers read when something is refused: problems, bodies, limits.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, HeaderValue, Request};
use axum::response::IntoResponse;
use bursar::clock::{Clock, Timestamp};
use bursar::config;
use bursar::error::{Error, FieldFault, Refusal};
use bursar::id::Mint;
use bursar::web::caller::{Caller, CallerRules, RequestId, accepted_locale, client_address};
use bursar::web::limits::Limits;
use bursar::web::problem::Problem;
use bursar::words::Locale;
use governor::clock::FakeRelativeClock;
use serde_json::{Value, json};

fn request_id() -> RequestId {
    RequestId("req_1".to_owned())
}

/// Status, headers and body of the answer.
async fn answer(error: Error, locale: Locale) -> (u16, HeaderMap, Value) {
    let response = Problem(error, locale, request_id()).into_response();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let value = serde_json::from_slice(&bytes).unwrap();
    (parts.status.as_u16(), parts.headers, value)
}

fn unknown_course(course: &str) -> Error {
    Error::Refused(Refusal {
        code: "unknown_course",
        values: vec![("course", course.to_owned())],
    })
}

#[tokio::test]
async fn a_problem_is_rfc_9457_with_a_stable_code_and_the_callers_language() {
    let (status, headers, body) = answer(unknown_course("go-101"), Locale::En).await;
    assert_eq!(status, 422);
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(headers["x-request-id"], "req_1");
    assert_eq!(headers["cache-control"], "no-store");
    let expected = json!({
        "type": "urn:problem-type:bursar:unknown_course",
        "title": "Unknown course",
        "status": 422,
        "code": "unknown_course",
        "detail": "This shop does not sell the course “go-101”. No order was made.",
        "instance": "urn:problem-instance:bursar:req_1",
        "requestId": "req_1",
        "success": false,
    });
    assert_eq!(body, expected);
    let (_, _, body) = answer(unknown_course("go-101"), Locale::Vi).await;
    let detail = "Cửa hàng không bán khóa học “go-101”. Đơn hàng chưa được tạo.";
    assert_eq!(body["detail"], detail);
}

#[tokio::test]
async fn every_fault_of_the_input_is_listed_and_a_single_one_speaks_for_all() {
    let many = FieldFault {
        field: "courses".to_owned(),
        code: "too_many_courses",
        values: vec![("max", "50".to_owned())],
    };
    let faults = vec![FieldFault::new("email", "bad_email"), many.clone()];
    let (status, _, body) = answer(Error::Invalid(faults), Locale::En).await;
    assert_eq!((status, &body["code"]), (422, &json!("invalid_input")));
    let expected = json!([
        {"field": "email", "code": "bad_email", "message": "This is not a valid e-mail address."},
        {"field": "courses", "code": "too_many_courses",
         "message": "One order may have at most 50 courses."},
    ]);
    assert_eq!(body["errors"], expected);
    let (_, _, body) = answer(Error::Invalid(vec![many]), Locale::En).await;
    assert_eq!(body["detail"], "One order may have at most 50 courses.");
}

#[tokio::test]
async fn each_code_has_its_status() {
    let refused = |code| (Error::refused(code), code);
    let table = [
        (refused("invalid_json"), 400),
        (refused("not_authentic"), 401),
        (refused("stale_signature"), 401),
        ((Error::Forbidden("key"), "not_authentic"), 401),
        (refused("worker_calls_off"), 403),
        ((Error::NotFound("order"), "not_found"), 404),
        (refused("method_not_allowed"), 405),
        (
            (
                Error::Conflict("idempotency_conflict"),
                "idempotency_conflict",
            ),
            409,
        ),
        ((Error::Conflict("lease_lost"), "lease_lost"), 409),
        ((Error::Conflict("anything else"), "conflict"), 409),
        (refused("order_expired"), 409),
        (refused("link_expired"), 410),
        (refused("body_too_large"), 413),
        (refused("wrong_content_type"), 415),
        (refused("unknown_course"), 422),
        (
            (Error::TooMany(Duration::from_millis(1500)), "rate_limited"),
            429,
        ),
        ((Error::Internal(anyhow::anyhow!("x")), "internal"), 500),
        (refused("unavailable"), 503),
    ];
    for ((error, code), expected) in table {
        let (status, headers, body) = answer(error, Locale::En).await;
        assert_eq!((status, body["code"].as_str()), (expected, Some(code)));
        assert_eq!(body["success"], json!(false));
        assert_eq!(headers.contains_key("www-authenticate"), status == 401);
        assert_eq!(headers.contains_key("retry-after"), status == 429);
    }
}

#[tokio::test]
async fn a_wait_is_told_in_whole_seconds_rounded_up() {
    for (wait, seconds) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2")] {
        let error = Error::TooMany(Duration::from_millis(wait));
        let (_, headers, body) = answer(error, Locale::En).await;
        assert_eq!(headers["retry-after"], seconds);
        assert!(
            body["detail"]
                .as_str()
                .unwrap()
                .contains(&format!(" {seconds} seconds"))
        );
    }
}

/// Every text of `locales/error.yml`, found by reading the file: a code without both languages
/// would show another language, or a key, to a person.
#[test]
fn every_message_exists_in_every_language_with_the_same_values() {
    let texts = include_str!("../../../locales/error.yml");
    let (mut codes, mut lines) = (0, texts.lines().peekable());
    while let Some(line) = lines.next() {
        let next = lines.peek().map_or("", |next| next.trim());
        if !next.starts_with("vi:") {
            continue;
        }
        let code = line.trim();
        let (vi, en) = (lines.next().unwrap(), lines.next().unwrap_or_default());
        assert!(en.trim().starts_with("en:"), "{code} has no English text");
        assert_eq!(placeholders(vi), placeholders(en), "{code}");
        codes += 1;
    }
    assert!(
        codes > 30,
        "only {codes} found: has the file another form now?"
    );
}

fn placeholders(text: &str) -> Vec<&str> {
    let mut found: Vec<_> = text
        .split("%{")
        .skip(1)
        .filter_map(|t| t.split('}').next())
        .collect();
    found.sort_unstable();
    found
}

#[tokio::test]
async fn a_code_without_a_text_never_shows_its_key() {
    let fault = FieldFault::new("x", "never_heard_of");
    for error in [
        Error::refused("never_heard_of"),
        Error::Invalid(vec![fault]),
    ] {
        let (_, _, body) = answer(error, Locale::En).await;
        assert!(!body["detail"].as_str().unwrap().contains("never_heard_of"));
    }
}

#[tokio::test]
async fn a_long_value_from_the_caller_is_not_repeated_whole() {
    let (_, _, body) = answer(unknown_course(&"đ".repeat(60_000)), Locale::En).await;
    assert!(body["detail"].as_str().unwrap().chars().count() < 300);
}

#[tokio::test]
async fn the_inside_of_an_internal_error_is_logged_once_and_never_shown() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let inside = anyhow::anyhow!("disk on fire").context("writing the order");
    let problem = Problem(Error::Internal(inside), Locale::En, request_id());
    let response = tracing::subscriber::with_default(subscriber, || problem.into_response());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("fire"));
    let lines = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(
        lines.matches("writing the order: disk on fire").count(),
        1,
        "{lines}"
    );
    assert!(lines.contains("req_1"), "{lines}");
}

#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

// Callers.

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, HeaderValue::from_str(value).unwrap());
    }
    map
}

fn rules() -> CallerRules {
    CallerRules {
        locale: Locale::Vi,
        behind_proxy: true,
        mint: Mint::seeded(1),
        clock: Clock::still(Timestamp(1_700_000_000_000)),
    }
}

async fn caller(uri: &str, header: &[(&'static str, &str)]) -> Caller {
    let mut request = Request::get(uri).body(()).unwrap();
    request.headers_mut().extend(headers(header));
    let mut parts = request.into_parts().0;
    let first = Caller::from_request_parts(&mut parts, &rules())
        .await
        .unwrap();
    let again = Caller::from_request_parts(&mut parts, &rules())
        .await
        .unwrap();
    assert_eq!(first, again, "one request has one id");
    first
}

#[tokio::test]
async fn the_language_is_the_bodys_then_the_querys_then_the_browsers_then_the_shops() {
    let english = [("accept-language", "fr, en;q=0.8, vi;q=0.5")];
    assert_eq!(caller("/", &[]).await.locale, Locale::Vi);
    assert_eq!(caller("/", &english).await.locale, Locale::En);
    assert_eq!(caller("/?locale=vi", &english).await.locale, Locale::Vi);
    assert_eq!(caller("/?locale=tlh", &english).await.locale, Locale::En);
    let by_body = caller("/?locale=vi", &[]).await.speaking(Some("en-GB"));
    assert_eq!(by_body.locale, Locale::En);
    assert_eq!(by_body.speaking(Some("xx")).locale, Locale::En);
}

#[test]
fn accept_language_is_read_by_weight_then_by_place() {
    for (header, expected) in [
        ("vi-VN,vi;q=0.9,en;q=0.8", Some(Locale::Vi)),
        ("en;q=0.3, vi;q=0.4", Some(Locale::Vi)),
        ("en, vi", Some(Locale::En)),
        ("en;q=0, vi;q=0.1", Some(Locale::Vi)),
        ("en;q=NaN", None),
        ("fr, *", None),
        ("", None),
    ] {
        let map = headers(&[("accept-language", header)]);
        assert_eq!(accepted_locale(&map), expected, "{header}");
    }
}

#[tokio::test]
async fn a_problem_of_a_caller_carries_their_request_id() {
    let caller = caller("/", &[]).await;
    assert!(caller.request_id.0.starts_with("req_"));
    let response = caller.problem(Error::NotFound("order")).into_response();
    assert_eq!(response.headers()["x-request-id"], *caller.request_id.0);
}

#[test]
fn only_the_entry_that_our_own_proxy_wrote_is_believed_and_only_behind_one() {
    let peer: IpAddr = "10.0.0.1".parse().unwrap();
    let chain = headers(&[("x-forwarded-for", "6.6.6.6, 203.0.113.7")]);
    assert_eq!(client_address(peer, &chain, false), peer);
    let table: [(&[&str], &str); 7] = [
        (&["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
        (&["6.6.6.6", "203.0.113.8"], "203.0.113.8"),
        (&["203.0.113.7:4711"], "203.0.113.7"),
        (&["[2001:db8::1]:4711"], "2001:db8::1"),
        (&["[2001:db8::1]"], "2001:db8::1"),
        (&["::ffff:203.0.113.9"], "203.0.113.9"),
        (&["6.6.6.6, unknown"], "10.0.0.1"),
    ];
    for (values, expected) in table {
        let pairs: Vec<_> = values
            .iter()
            .map(|value| ("x-forwarded-for", *value))
            .collect();
        let address = client_address(peer, &headers(&pairs), true);
        assert_eq!(address, expected.parse::<IpAddr>().unwrap(), "{values:?}");
    }
}

// Limits.

fn limits(orders: u32, failures: u32) -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    let settings = config::Limits {
        orders_per_minute: orders,
        failures_per_minute: failures,
        ..config::Limits::default()
    };
    (Limits::with_clock(&settings, &clock), clock)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn an_address_may_order_so_often_in_a_minute_and_is_told_when_to_come_back() {
    let (limits, clock) = limits(3, 20);
    let (one, other) = (address("203.0.113.1"), address("203.0.113.2"));
    for _ in 0..3 {
        limits.check_order(one).unwrap();
    }
    let Err(Error::TooMany(wait)) = limits.check_order(one) else {
        panic!("the fourth order was let through");
    };
    assert!(
        wait > Duration::ZERO && wait <= Duration::from_secs(20),
        "{wait:?}"
    );
    limits.check_order(other).unwrap();
    clock.advance(wait);
    limits.check_order(one).unwrap();
    assert!(limits.check_order(one).is_err());
}

#[test]
fn failures_bar_an_address_and_asking_costs_nothing() {
    let (limits, clock) = limits(30, 5);
    let stranger = address("203.0.113.1");
    for _ in 0..1000 {
        limits.check_failures(stranger).unwrap();
    }
    let mut guesses = 0;
    while limits.check_failures(stranger).is_ok() {
        limits.note_failure(stranger);
        guesses += 1;
        assert!(guesses < 100, "never barred");
    }
    assert_eq!(guesses, 6);
    limits.check_failures(address("203.0.113.2")).unwrap();
    let Err(Error::TooMany(wait)) = limits.check_failures(stranger) else {
        panic!("not barred");
    };
    clock.advance(wait);
    limits.check_failures(stranger).unwrap();
}

#[test]
fn an_ipv6_caller_is_counted_by_its_network() {
    let (limits, _) = limits(1, 20);
    limits.check_order(address("2001:db8:1:2::1")).unwrap();
    assert!(limits.check_order(address("2001:db8:1:2:ffff::9")).is_err());
    limits.check_order(address("2001:db8:1:3::1")).unwrap();
    limits.check_order(address("203.0.113.1")).unwrap();
    assert!(limits.check_order(address("::ffff:203.0.113.1")).is_err());
}

#[test]
fn quiet_addresses_are_forgotten() {
    let (limits, clock) = limits(10, 10);
    for number in 0..1000_u32 {
        let address = IpAddr::V4(number.into());
        limits.check_order(address).unwrap();
        limits.note_failure(address);
    }
    clock.advance(Duration::from_secs(61));
    for number in 0..1100_u32 {
        let _ = limits.check_order(IpAddr::V4((number % 7).into()));
    }
    assert!(limits.remembered() <= 20, "{}", limits.remembered());
}

/// The extractor must work in a real router.
#[tokio::test]
async fn a_handler_answers_in_problems() {
    use tower::ServiceExt;
    async fn refuse(caller: Caller) -> Problem {
        caller.problem(Error::NotFound("order"))
    }
    let router = Router::new().fallback(refuse).with_state(rules());
    let request = Request::get("/nowhere?locale=en")
        .body(Body::empty())
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 404);
    assert!(response.headers().contains_key("x-request-id"));
}

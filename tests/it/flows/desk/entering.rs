//! The door: a key becomes a session, a session ends, and a form comes from nowhere else.

use std::time::Duration;

use bursar::model::api_key::{self, Scope};
use bursar::model::audit::Actor;

use super::{Desk, browser, each, enter, key};
use crate::harness::server::{self, Answer};

/// Every page; those of one thing are asked for a thing that is not there.
const PAGES: [&str; 8] = [
    "/admin",
    "/admin/transfers",
    "/admin/transfers/trf_unknown",
    "/admin/refunds",
    "/admin/orders",
    "/admin/orders/DH0000000",
    "/admin/grants",
    "/admin/messages",
];

/// Every form, and the scope that opens it.
const FORMS: [(&str, Option<Scope>); 20] = [
    ("/admin/sign-out", None),
    ("/admin/transfers/trf_1/assign", Some(Scope::TransfersWrite)),
    ("/admin/transfers/trf_1/accept", Some(Scope::TransfersWrite)),
    ("/admin/transfers/trf_1/split", Some(Scope::TransfersWrite)),
    (
        "/admin/transfers/trf_1/give-back",
        Some(Scope::RefundsWrite),
    ),
    (
        "/admin/transfers/trf_1/discard",
        Some(Scope::TransfersWrite),
    ),
    ("/admin/transfers/trf_1/undo", Some(Scope::TransfersWrite)),
    ("/admin/refunds/ref_1/sent", Some(Scope::RefundsWrite)),
    ("/admin/refunds/ref_1/call-off", Some(Scope::RefundsWrite)),
    ("/admin/orders/DHAAAAAAAA/cancel", Some(Scope::OrdersWrite)),
    ("/admin/orders/DHAAAAAAAA/refund", Some(Scope::RefundsWrite)),
    ("/admin/orders/DHAAAAAAAA/retry", Some(Scope::GrantsWrite)),
    ("/admin/orders/DHAAAAAAAA/revoke", Some(Scope::GrantsWrite)),
    ("/admin/orders/DHAAAAAAAA/give", Some(Scope::GrantsWrite)),
    ("/admin/orders/DHAAAAAAAA/email", Some(Scope::OrdersWrite)),
    ("/admin/grants/gra_1/retry", Some(Scope::GrantsWrite)),
    ("/admin/alerts/clear", Some(Scope::TransfersWrite)),
    ("/admin/messages/evt_1/replay", Some(Scope::TransfersWrite)),
    ("/admin/messages/evt_1/close", Some(Scope::TransfersWrite)),
    ("/admin/transfers/trf_1/undo", Some(Scope::TransfersWrite)),
];

fn is_led_to_sign_in(answer: &Answer) -> bool {
    let onward = answer.headers.get("location");
    let onward = onward.and_then(|place| place.to_str().ok());
    answer.status == 303 && onward.is_some_and(|place| place.starts_with("/admin/sign-in"))
}

fn assert_guarded(path: &str, answer: &Answer) {
    let header = |name: &str| answer.headers.get(name).map_or("", |v| v.to_str().unwrap());
    assert!(
        header("content-security-policy").contains("default-src 'none'"),
        "{path}"
    );
    assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(header("cache-control"), "no-store", "{path}");
    assert_eq!(header("x-robots-tag"), "noindex", "{path}");
    assert!(
        ["same-origin", "no-referrer"].contains(&header("referrer-policy")),
        "{path}"
    );
}

#[tokio::test]
async fn a_key_opens_a_session_that_the_browser_keeps_and_no_script_reads() {
    server::each_with(
        |options| options.config.public_url = "https://shop.example".to_owned(),
        async |server| {
            let (browser, key) = (browser(), key(&server, "lan", Scope::ALL).await);
            let entered = enter(&server, &browser, &key).await;
            assert_eq!(entered.status, 303);
            assert_eq!(entered.headers["location"], "/admin/transfers?due=yes");
            let cookie = entered.headers["set-cookie"].to_str().unwrap();
            for word in [
                "HttpOnly",
                "SameSite=Strict",
                "Path=/admin",
                "Max-Age=43200",
                "Secure",
            ] {
                assert!(cookie.contains(word), "{word}: {cookie}");
            }
            assert!(!cookie.contains(&key[4..]), "the key is not in it");
        },
    )
    .await;
}

#[tokio::test]
async fn nobody_is_led_out_of_the_sellers_pages_by_a_sign_in() {
    server::each(async |server| {
        let (browser, key) = (browser(), key(&server, "lan", Scope::ALL).await);
        for next in [
            "https://evil.example",
            "//evil.example",
            "/admin\\..",
            "/o/x",
            "/adminx",
        ] {
            let url = format!("{}/admin/sign-in", server.url);
            let form = [("key", key.as_str()), ("next", next)];
            let entered = server::answer(browser.post(url).form(&form)).await;
            assert_eq!(entered.headers["location"], "/admin", "{next}");
        }
    })
    .await;
}

#[tokio::test]
async fn strangers_and_forgers_are_led_to_the_sign_in_from_every_page_and_every_form() {
    each(async |desk| {
        let forged = desk
            .cookie
            .replace("bursar_admin=key_", "bursar_admin=key_0");
        let posts = FORMS.iter().map(|(path, _)| ("POST", *path));
        for (method, path) in PAGES.iter().map(|path| ("GET", *path)).chain(posts) {
            for cookie in ["", "bursar_admin=", "bursar_admin=a.1.b.c", &forged] {
                let url = format!("{}{path}", desk.server.url);
                let request = desk.browser.request(method.parse().unwrap(), url);
                let answer = server::answer(request.header("Cookie", cookie)).await;
                assert!(
                    is_led_to_sign_in(&answer),
                    "{method} {path} {cookie}: {}",
                    answer.status
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_with_its_key_with_its_time_and_with_the_sign_out() {
    each(async |desk| {
        desk.page("/admin").await;
        desk.server.wait(Duration::from_secs(12 * 3600 - 1));
        desk.page("/admin").await;
        desk.server.wait(Duration::from_secs(1));
        assert!(
            is_led_to_sign_in(&desk.get("/admin").await),
            "12 hours are over"
        );

        let again = Desk::over_again(&desk, "mai").await;
        again.page("/admin").await;
        let token = again.token().await;
        let left = again.post("/admin/sign-out", &[("token", &token)]).await;
        assert!(
            left.headers["set-cookie"]
                .to_str()
                .unwrap()
                .contains("Max-Age=0")
        );
        let moment = again.server.app.moment(Actor::Operator("test".to_owned()));
        let db = &again.server.app.db;
        db.write(move |tx| Box::pin(async move { api_key::revoke(tx, &moment, "mai").await }))
            .await
            .unwrap();
        assert!(
            is_led_to_sign_in(&again.get("/admin").await),
            "the key is revoked"
        );
        let form = [("token", token.as_str()), ("why", "x")];
        let late = again.post("/admin/transfers/trf_1/discard", &form).await;
        assert!(is_led_to_sign_in(&late));
    })
    .await;
}

#[tokio::test]
async fn wrong_keys_are_told_so_and_too_many_of_them_have_to_wait() {
    server::each_with(
        |options| options.config.limits.failures_per_minute = 2,
        async |server| {
            let (browser, key) = (browser(), key(&server, "lan", Scope::ALL).await);
            let mut statuses = Vec::new();
            for guess in ["", "bsr_guess", "x", "x", &"x".repeat(1000)] {
                let refused = enter(&server, &browser, guess).await;
                assert!(!refused.headers.contains_key("set-cookie"));
                assert_guarded("/admin/sign-in", &refused);
                statuses.push(refused.status);
            }
            assert_eq!(statuses[..2], [401, 401]);
            assert_eq!(statuses[4], 429, "{statuses:?}");
            assert_eq!(enter(&server, &browser, &key).await.status, 303);
        },
    )
    .await;
}

#[tokio::test]
async fn a_form_without_its_token_or_from_another_site_does_nothing() {
    each(async |desk| {
        let page = desk.waiting(300_000, "tien mat").await;
        let action = format!("{page}/discard");
        let other = Desk::over_again(&desk, "mai").await.token().await;
        for token in ["", "0", &other] {
            let refused = desk.post(&action, &[("token", token), ("why", "x")]).await;
            assert_eq!(refused.status, 403, "{}", refused.text);
        }
        let token = desk.token().await;
        let form = [("token", token.as_str()), ("why", "private money")];
        let foreign = [
            ("Origin", "https://evil.example"),
            ("Sec-Fetch-Site", "cross-site"),
        ];
        for (name, value) in foreign {
            let url = format!("{}{action}", desk.server.url);
            let request = desk.browser.post(url).header("Cookie", &desk.cookie);
            let refused = server::answer(request.header(name, value).form(&form)).await;
            assert_eq!(refused.status, 403, "{name}");
        }
        assert_eq!(desk.inbox().await.len(), 1, "it waits still");
        assert_eq!(desk.post(&action, &form).await.status, 303);
        assert_eq!(desk.inbox().await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_shown_and_allowed_what_its_scopes_say_and_no_more() {
    server::each(async |server| {
        let desk = Desk::over(server, &[Scope::TransfersRead]).await;
        let page = desk.waiting(300_000, "tien mat").await;
        let overview = desk.page("/admin").await;
        assert!(overview.contains("/admin/transfers") && !overview.contains("/admin/orders"));
        let shown = desk.page(&page).await;
        assert!(shown.contains("Your key may look here, not decide"));
        assert!(!shown.contains("/discard") && !shown.contains("/give-back"));
        for closed in ["/admin/refunds", "/admin/orders", "/admin/grants"] {
            let refused = desk.get(closed).await;
            assert_eq!(refused.status, 403, "{closed}");
            assert!(refused.text.contains("orders:read"), "{}", refused.text);
        }
        let token = desk.token().await;
        let form = [("token", token.as_str()), ("why", "x"), ("code", "x")];
        for (path, scope) in FORMS {
            let Some(scope) = scope else { continue };
            let refused = desk.post(path, &form).await;
            assert_eq!(refused.status, 403, "{path}");
            assert!(
                refused.text.contains(scope.as_str()),
                "{path}: {}",
                refused.text
            );
        }
        assert_eq!(desk.inbox().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn every_page_and_every_refusal_carries_the_headers_of_the_frame() {
    each(async |desk| {
        for path in PAGES {
            assert_guarded(path, &desk.get(path).await);
        }
        assert_guarded("/admin/sign-in", &desk.get("/admin/sign-in").await);
        for (path, _) in FORMS {
            let refused = desk.post(path, &[]).await;
            assert_eq!(refused.status, 403, "{path}");
            assert_guarded(path, &refused);
        }
    })
    .await;
}

#[tokio::test]
async fn who_comes_in_is_an_audit_entry() {
    each(async |desk| {
        let entries = desk.server.app.db.read(|tx| {
            Box::pin(async move {
                let filter = bursar::model::audit::Filter {
                    subject: None,
                    actor: Some("operator:lan".to_owned()),
                    from: bursar::clock::Timestamp(0),
                    to: bursar::clock::Timestamp(i64::MAX),
                };
                bursar::model::audit::list(tx, &filter, None, 10).await
            })
        });
        let entries = entries.await.unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].action, "key.signed_in");
        assert!(entries[0].subject.starts_with("key_"));
    })
    .await;
}

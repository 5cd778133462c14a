//! Bodies of requests: what is read, what is refused, and that no answer repeats them.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::IntoResponse;
use bursar::error::Error;
use bursar::web::body;
use bursar::web::caller::RequestId;
use bursar::web::problem::Problem;
use bursar::words::Locale;
use serde_json::Value;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect()
}

/// Status and body of the answer in English.
async fn answer(error: Error) -> (u16, Value) {
    let response = Problem(error, Locale::En, RequestId("req_1".to_owned())).into_response();
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Asked {
    email: String,
    courses: Vec<Wish>,
    amount: Option<u64>,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Wish {
    url: String,
}

fn read(content_type: &str, bytes: &[u8]) -> Result<Asked, Error> {
    body::json(&headers(&[("content-type", content_type)]), bytes)
}

/// Code, and field or line and column.
fn fault(bytes: &[u8]) -> (String, String) {
    match read("application/json", bytes).unwrap_err() {
        Error::Refused(refusal) => {
            let place: Vec<_> = refusal.values.into_iter().map(|(_, value)| value).collect();
            (refusal.code.to_owned(), place.join(":"))
        }
        Error::Invalid(faults) => (faults[0].code.to_owned(), faults[0].field.clone()),
        other => panic!("{other}"),
    }
}

#[test]
fn json_is_read_and_fields_that_we_do_not_know_are_ignored() {
    let body = br#"{"email":"a@b.c","courses":[{"url":"x","title":"y"}],"utm":{"a":[1]}}"#;
    for kind in [
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/json;charset=\"utf-8\"",
    ] {
        let asked = read(kind, body).unwrap();
        assert_eq!((asked.email.as_str(), asked.courses.len()), ("a@b.c", 1));
    }
}

#[test]
fn a_body_of_another_type_is_refused_before_it_is_read() {
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "application/jsonp",
        "",
    ] {
        let Err(Error::Refused(refusal)) = read(kind, b"{") else {
            panic!("{kind} was read");
        };
        assert_eq!(refusal.code, "wrong_content_type", "{kind}");
    }
    assert!(body::json::<Value>(&HeaderMap::new(), b"{}").is_err());
}

#[test]
fn broken_json_is_located_and_json_of_another_shape_names_the_field() {
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let table: [(&[u8], _); 11] = [
        (b"", pair("invalid_json", "1:0")),
        (b"{\n  \"email\": oops}", pair("invalid_json", "2:12")),
        (b"{\"email\":\"\xff\"}", pair("invalid_json", "1:11")),
        (b"{\n\"email\":\"\xc3", pair("invalid_json", "2:10")),
        (b"\xef\xbb\xbf{}", pair("invalid_json", "1:1")),
        (
            b"{\"email\":\"a\",\"courses\":[]} x",
            pair("invalid_json", "1:28"),
        ),
        (b"{\"courses\":[]}", pair("missing", "email")),
        (b"{\"email\":1,\"courses\":[]}", pair("wrong_type", "email")),
        (
            b"{\"email\":\"a\",\"courses\":[{\"url\":\"x\"},{}]}",
            pair("missing", "courses[1].url"),
        ),
        (
            b"{\"email\":\"a\",\"courses\":[],\"amount\":\"1\"}",
            pair("wrong_type", "amount"),
        ),
        (
            b"{\"email\":\"a\",\"email\":\"b\",\"courses\":[]}",
            pair("duplicate_field", "email"),
        ),
    ];
    for (bytes, expected) in table {
        assert_eq!(fault(bytes), expected, "{}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(fault(b"7"), pair("wrong_type", ""));
    assert_eq!(
        fault(b"{\"email\":\"a\",\"courses\":[],\"amount\":-5}"),
        pair("wrong_value", "amount")
    );
}

#[tokio::test]
async fn no_answer_repeats_the_body() {
    for body in [
        "{\"email\": SESAME",
        "{\"email\":[\"SESAME\"]}",
        "{\"amount\":\"SESAME\"}",
        "SESAME",
    ] {
        let error = read("application/json", body.as_bytes()).unwrap_err();
        let (_, answer) = answer(error).await;
        assert!(!answer.to_string().contains("SESAME"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_is_read_up_to_the_limit_and_not_a_byte_further() {
    for (length, fits) in [(0, true), (body::LIMIT, true), (body::LIMIT + 1, false)] {
        let bytes = vec![b' '; length];
        let announced = headers(&[("content-length", &length.to_string())]);
        for map in [HeaderMap::new(), announced] {
            let read = body::read(&map, Body::from(bytes.clone())).await;
            assert_eq!(read.is_ok(), fits, "{length}");
        }
    }
    let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0_u8; 1000]));
    let error = body::read(&HeaderMap::new(), Body::from_stream(endless))
        .await
        .unwrap_err();
    let (status, answer) = answer(error).await;
    assert_eq!(status, 413);
    assert_eq!(
        answer["detail"],
        "The body is too large; the limit is 64 KiB."
    );
    let oversized = vec![b' '; body::LIMIT + 1];
    assert!(
        matches!(read("application/json", &oversized), Err(Error::Refused(r)) if r.code == "body_too_large")
    );
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let body = Body::from_stream(never);
    let error = body::read_within(Duration::ZERO, &HeaderMap::new(), body)
        .await
        .unwrap_err();
    assert_eq!(answer(error).await.0, 408);
}

#[test]
fn json_that_nests_too_deep_is_refused_and_not_walked() {
    let deep = "[".repeat(body::LIMIT);
    let map = headers(&[("content-type", "application/json")]);
    let Err(Error::Refused(refusal)) = body::json::<Value>(&map, deep.as_bytes()) else {
        panic!("it was read");
    };
    assert_eq!(
        (refusal.code, &*refusal.values[1].1),
        ("invalid_json", "128")
    );
}

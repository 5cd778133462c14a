//! Answers that are no page: each is named, and none of them is taken for "no transactions".

use super::*;
use crate::harness::sepay_api::{Canned, TOKEN};
use bursar::config::{Secret, Sepay};

async fn faked() -> (FakeSepay, Clock) {
    let clock = Clock::still(NOW);
    (FakeSepay::start(&clock).await, clock)
}

/// What a page is when SePay answers so.
async fn fault(version: &str, canned: Canned) -> Fault {
    let (fake, _) = faked().await;
    fake.instead(canned);
    let fault = first_page(&payments(&fake, version), "recent")
        .await
        .unwrap_err();
    let why = fault.to_string();
    assert!(!why.contains(TOKEN) && why.chars().count() <= 300, "{why}");
    fault
}

fn is_broken(fault: &Fault, word: &str) -> bool {
    matches!(fault, Fault::ConnectionBroken { why } if why.contains(word))
}

#[tokio::test]
async fn a_wrong_token_is_a_broken_connection_also_where_v1_answers_200_with_nothing() {
    for version in VERSIONS {
        let (fake, _) = faked().await;
        let sepay = Sepay {
            api_token: Some(Secret::new("wrong-token")),
            ..fake.settings(version)
        };
        let payments = Payments {
            sepay,
            ..Payments::default()
        };
        let fault = first_page(&payments, "recent").await.unwrap_err();
        assert!(
            is_broken(&fault, "payments.sepay.api_token"),
            "{version}: {fault}"
        );
        let status = if version == "v1" { 200 } else { 401 };
        assert_eq!(fake.asked()[0].status, status);
        assert!(
            teller(&payments)
                .inspect("https://shop.example")
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn too_many_requests_wait_as_long_as_either_header_says() {
    let after = |header| async move {
        let canned = Canned::new(429, "{}").header(header, "7");
        match fault("v1", canned).await {
            Fault::Transient { after, .. } => after,
            other => panic!("{other}"),
        }
    };
    let seven = Some(Duration::from_secs(7));
    assert_eq!(after("retry-after").await, seven);
    assert_eq!(after("x-sepay-userapi-retry-after").await, seven);
    assert_eq!(after("x-ratelimit-limit").await, None);
}

#[tokio::test]
async fn a_fourth_request_in_a_second_is_refused_and_a_second_later_answered() {
    for version in VERSIONS {
        let (fake, clock) = faked().await;
        let payments = payments(&fake, version);
        for _ in 0..3 {
            first_page(&payments, "recent").await.unwrap();
        }
        let fault = first_page(&payments, "recent").await.unwrap_err();
        let a_second = Duration::from_secs(1);
        assert!(matches!(fault, Fault::Transient { after, .. } if after == Some(a_second)));
        clock.advance(a_second);
        first_page(&payments, "recent").await.unwrap();
    }
}

#[tokio::test]
async fn an_outage_passes_and_a_refusal_needs_a_person() {
    for version in VERSIONS {
        for status in [408, 500, 502, 503, 524] {
            let fault = fault(version, Canned::new(status, "<html>oops</html>")).await;
            assert!(
                matches!(fault, Fault::Transient { .. }),
                "{status}: {fault}"
            );
        }
        for (status, body, word) in [
            (401, "{}", "api_token"),
            (403, "<html>blocked</html>", "this server's address"),
            (404, "{}", "api_version"),
            (
                422,
                r#"{"error_code":"x","message":"The page is odd."}"#,
                "The page is odd.",
            ),
            (302, "", "redirects"),
        ] {
            let fault = fault(version, Canned::new(status, body)).await;
            assert!(is_broken(&fault, word), "{version} {status}: {fault}");
        }
    }
}

#[tokio::test]
async fn a_200_that_is_not_sepays_json_is_no_empty_list() {
    for version in VERSIONS {
        for body in [
            "<html>maintenance</html>",
            "{}",
            "[]",
            "null",
            "{\"data\":5}",
            "{\"status\":",
        ] {
            let fault = fault(version, Canned::new(200, body)).await;
            assert!(
                is_broken(&fault, "does not speak its JSON"),
                "{version} {body}: {fault}"
            );
        }
    }
    assert!(is_broken(&fault("v2", Canned::new(200, "")).await, "JSON"));
    let of_v1 = r#"{"status":200,"error":null,"transactions":[]}"#;
    assert!(is_broken(
        &fault("v2", Canned::new(200, of_v1)).await,
        "api_version"
    ));
}

#[tokio::test]
async fn v1_says_in_the_body_of_a_200_what_went_wrong() {
    let said = |status: &str, error: &str| {
        let body = format!(r#"{{"status":{status},"error":"{error}","transactions":[]}}"#);
        fault("v1", Canned::new(200, body))
    };
    let refused = said("400", "limit is odd").await;
    assert!(is_broken(&refused, "limit is odd"), "{refused}");
    assert!(is_broken(&said("401", "no").await, "api_token"));
    assert!(is_broken(
        &said("\"403\"", &format!("{TOKEN} is off")).await,
        "*** is off"
    ));
    assert!(matches!(said("429", "slow").await, Fault::Transient { .. }));
    assert!(matches!(said("500", "db").await, Fault::Transient { .. }));
}

#[tokio::test]
async fn one_unreadable_item_never_spoils_the_page() {
    let good = r#"{"id":"8","account_number":"0123499999","transfer_type":"in","amount_in":5}"#;
    for (version, list) in [("v1", "transactions"), ("v2", "data")] {
        let (fake, _) = faked().await;
        let mut body = format!(
            r#"{{"status":200,"{list}":[{good},{{"id":"9"}},null,{{"id":"10","account_number":"#
        )
        .into_bytes();
        body.extend(b"\"\xff\"},");
        body.extend(format!("{good}]}}").into_bytes());
        fake.instead(Canned::new(200, body));
        let page = first_page(&payments(&fake, version), "recent")
            .await
            .unwrap();
        let understood: Vec<bool> = page.reports.iter().map(|r| r.facts.is_ok()).collect();
        assert_eq!(understood, [true, false, false, false, true], "{version}");
        assert_eq!(page.reports[0].body, good.as_bytes(), "as it was written");
        assert_eq!(page.reports[1].key, "9");
        assert!(page.reports[2].key.starts_with("sha256:"));
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let fault = fault("v2", Canned::new(200, vec![b' '; 9 * 1024 * 1024])).await;
    assert!(is_broken(&fault, "longer than"), "{fault}");
}

#[tokio::test]
async fn a_sepay_that_is_away_is_a_passing_fault() {
    let (fake, _) = faked().await;
    let payments = payments(&fake, "v2");
    drop(fake);
    let gone = Payments {
        sepay: Sepay {
            api_url: "http://127.0.0.1:1/v2".to_owned(),
            ..payments.sepay
        },
        ..Payments::default()
    };
    let fault = first_page(&gone, "recent").await.unwrap_err();
    assert!(
        matches!(&fault, Fault::Transient { why, .. } if why.starts_with("SePay")),
        "{fault}"
    );
}

#[tokio::test]
async fn the_token_is_never_in_an_address() {
    for version in VERSIONS {
        let (fake, _) = faked().await;
        let payments = payments(&fake, version);
        first_page(&payments, "recent").await.unwrap();
        teller(&payments)
            .inspect("https://shop.example")
            .await
            .unwrap();
        assert!(
            fake.asked()
                .iter()
                .all(|asked| !asked.target.contains(TOKEN))
        );
    }
}

#[tokio::test]
async fn without_a_token_there_is_no_api_and_a_token_no_header_can_carry_does_not_start() {
    let token = |token: Option<&str>| Payments {
        sepay: Sepay {
            api_token: token.map(Secret::new),
            ..Sepay::default()
        },
        ..Payments::default()
    };
    for none in [None, Some(""), Some("  ")] {
        assert!(tellers(&token(none)).unwrap().is_empty());
    }
    assert!(
        tellers(&token(Some("good-token")))
            .unwrap()
            .contains_key(sepay::NAME)
    );
    let refused = tellers(&token(Some("bad\ntoken"))).err().unwrap();
    assert!(!format!("{refused:#}").contains("bad"), "{refused:#}");
}

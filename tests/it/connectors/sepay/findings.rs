//! What `doctor` can see of the seller's settings at SePay.

use super::*;

/// What is found, each as "ok: ..." or "WRONG: ...".
async fn findings(fake: &FakeSepay, payments: &Payments) -> Vec<String> {
    assert!(fake.asked().len() < 3, "one inspection a second");
    let found = teller(payments)
        .inspect("https://shop.example")
        .await
        .unwrap();
    let verdict = |sound| if sound { "ok" } else { "WRONG" };
    found
        .iter()
        .map(|f| format!("{}: {}", verdict(f.sound), f.what))
        .collect()
}

fn has(findings: &[String], start: &str, word: &str) -> bool {
    findings
        .iter()
        .any(|line| line.starts_with(start) && line.contains(word))
}

async fn fake() -> FakeSepay {
    FakeSepay::start(&Clock::still(NOW)).await
}

#[tokio::test]
async fn every_account_is_looked_up_in_sepays_list() {
    for version in VERSIONS {
        let fake = fake().await;
        fake.watch(ACCOUNT, true);
        fake.watch("0071000888888", false);
        fake.watch("19036299999999", true);
        let mut payments = payments(&fake, version);
        payments.accounts.extend([
            account("Vietcombank", "0071000888888"),
            account("MBBank", "404404404"),
            account("BIDV", "96247VA01"),
        ]);
        let found = findings(&fake, &payments).await;
        assert!(
            has(&found, "ok: the API token is accepted", "3 account(s)"),
            "{found:?}"
        );
        assert!(
            has(&found, "ok: account 0123499999", "watches it"),
            "{found:?}"
        );
        assert!(
            has(&found, "WRONG: account 0071000888888", "switch it on"),
            "{found:?}"
        );
        assert!(
            has(&found, "WRONG: account 404404404", "does not know it"),
            "{found:?}"
        );
        assert!(has(&found, "ok: account 96247VA01", "virtual"), "{found:?}");
        assert!(
            has(
                &found,
                "ok: SePay also shows 19036299999999",
                "wrong account"
            ),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn a_virtual_account_is_known_by_its_transfers() {
    for version in VERSIONS {
        let fake = fake().await;
        fake.book(Booking {
            sub_account: Some(ACCOUNT.to_owned()),
            ..Booking::incoming("111", 5, "x", NOW.minus(HOUR))
        });
        let found = findings(&fake, &payments(&fake, version)).await;
        assert!(
            has(&found, "ok: account 0123499999", "reports transfers"),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn webhooks_that_fail_are_told_by_v2_and_an_outage_that_is_over_is_no_fault() {
    for (newest, before, verdict, word) in [
        (1, 1, "ok: webhooks", "each of the last 2"),
        (8, 0, "ok: webhooks", "none for 1 of the last 2"),
        (
            0,
            1,
            "WRONG: webhooks",
            "https://shop.example/api/v1/payment/webhook",
        ),
    ] {
        let fake = fake().await;
        for (heard, account, at) in [
            (newest, ACCOUNT, NOW.minus(HOUR)),
            (before, ACCOUNT, NOW.minus(2 * HOUR)),
            (0, "777", NOW),
        ] {
            fake.book(Booking {
                heard,
                ..Booking::incoming(account, 5, "x", at)
            });
        }
        let found = findings(&fake, &payments(&fake, "v2")).await;
        assert!(has(&found, verdict, word), "{found:?}");
    }
    let fake = fake().await;
    fake.book(Booking::incoming(ACCOUNT, 5, "x", NOW));
    let found = findings(&fake, &payments(&fake, "v1")).await;
    assert!(
        has(&found, "ok: ", "does not tell whether webhooks arrive"),
        "{found:?}"
    );
}

#[tokio::test]
async fn what_no_api_shows_is_said_so_that_a_person_looks() {
    for version in VERSIONS {
        let fake = fake().await;
        let found = findings(&fake, &payments(&fake, version)).await;
        assert!(
            has(&found, "ok: not visible from here", "retry automatically"),
            "{found:?}"
        );
        assert!(
            has(&found, "ok: not visible from here", "skip if there is no"),
            "{found:?}"
        );
        assert_eq!(
            fake.asked().len(),
            2,
            "the API's rate holds for doctor, too"
        );
    }
}

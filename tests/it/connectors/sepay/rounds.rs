//! Whole rounds of a listing: what an outage left is found, all of it, once, within the rate limit.

use super::*;
use crate::harness::sepay_api::Order;

const OUTAGE: u32 = 10_000;

/// Requests that were answered "too many".
fn refused(fake: &FakeSepay) -> usize {
    fake.asked()
        .iter()
        .filter(|asked| asked.status == 429)
        .count()
}

#[tokio::test]
async fn after_a_day_without_webhooks_every_one_of_10_000_transfers_is_found_once() {
    for (version, most_requests) in [("v1", 60), ("v2", 220)] {
        let clock = Clock::still(NOW);
        let fake = FakeSepay::start(&clock).await;
        book(&fake, OUTAGE);
        let payments = payments(&fake, version);
        let reports = round(&payments, &clock, "recent", NOW.minus(DAY + 2 * HOUR)).await;
        assert_eq!(reports.len(), OUTAGE as usize, "{version}");
        assert_eq!(references(&reports).len(), OUTAGE as usize, "{version}");
        assert_eq!(refused(&fake), 0, "{version}");
        let requests = fake.asked().len();
        assert!(requests <= most_requests, "{version} took {requests}");
    }
}

#[tokio::test]
async fn in_whatever_order_v1_lists_nothing_is_lost_when_banks_book_late() {
    for order in [Order::NewestIds, Order::OldestIds, Order::LatestBooked] {
        let clock = Clock::still(NOW);
        let fake = FakeSepay::start(&clock).await;
        fake.order(order);
        book(&fake, 1200);
        for n in 0..300_u32 {
            let at = NOW.minus(DAY).plus(Duration::from_mins(1) * n);
            let late = Booking::incoming(ACCOUNT, 7, "late", at);
            fake.book(late.reference(&format!("LATE{n}")));
        }
        let reports = round(&payments(&fake, "v1"), &clock, "day", NOW.minus(2 * DAY)).await;
        assert_eq!(references(&reports).len(), 1500, "{order:?}");
    }
}

#[tokio::test]
async fn what_is_booked_while_a_round_runs_hides_nothing_that_was_there() {
    for version in VERSIONS {
        let clock = Clock::still(NOW);
        let fake = FakeSepay::start(&clock).await;
        fake.ties_move();
        book(&fake, 2000);
        // Booked into the part that is done already, so that all that follows moves by one.
        fake.arriving((0..50).map(|n| {
            let at = NOW.minus(DAY).plus(Duration::from_secs(n));
            Booking::incoming(ACCOUNT, 9, "new", at).reference("NEW")
        }));
        let payments = payments(&fake, version);
        let reports = round(&payments, &clock, "recent", NOW.minus(DAY)).await;
        let found = references(&reports);
        assert_eq!(
            found.iter().filter(|r| r.starts_with("FT")).count(),
            2000,
            "{version}"
        );
    }
}

#[tokio::test]
async fn a_transfer_that_is_listed_late_is_found_by_the_next_round() {
    for version in VERSIONS {
        let clock = Clock::still(NOW);
        let fake = FakeSepay::start(&clock).await;
        let payments = payments(&fake, version);
        let booked = Booking::incoming(ACCOUNT, 9, "slow bank", NOW.minus(HOUR));
        fake.book(Booking {
            listed_at: NOW.plus(HOUR / 2),
            ..booked.reference("SLOW")
        });
        let recent = listing(&*teller(&payments), "recent");
        let from = NOW.minus(recent.overlap);
        assert!(round(&payments, &clock, "recent", from).await.is_empty());
        clock.advance(HOUR);
        let reports = round(&payments, &clock, "recent", NOW.minus(recent.overlap)).await;
        assert_eq!(
            references(&reports),
            BTreeSet::from(["SLOW".to_owned()]),
            "{version}"
        );
    }
}

#[tokio::test]
async fn a_second_with_more_than_a_page_is_read_to_its_end() {
    for version in VERSIONS {
        let clock = Clock::still(NOW);
        let fake = FakeSepay::start(&clock).await;
        book(&fake, 50);
        let midnight = NOW.minus(20 * HOUR);
        for n in 0..720 {
            let booking = Booking::incoming(ACCOUNT, 9, "day book", midnight);
            fake.book(booking.reference(&format!("NIGHT{n}")));
        }
        let payments = payments(&fake, version);
        let reports = round(&payments, &clock, "recent", NOW.minus(DAY)).await;
        assert_eq!(references(&reports).len(), 770, "{version}");
    }
}

#[tokio::test]
async fn what_v1_cannot_show_is_said_and_not_passed_over() {
    let clock = Clock::still(NOW);
    let fake = FakeSepay::start(&clock).await;
    for _ in 0..5000 {
        fake.book(Booking::incoming(ACCOUNT, 9, "day book", NOW));
    }
    let wanted = |cursor| Wanted {
        listing: "recent",
        from: NOW,
        to: NOW,
        cursor,
    };
    let teller = teller(&payments(&fake, "v1"));
    let page = teller.page(&wanted(None)).await.unwrap();
    let fault = teller.page(&wanted(page.next)).await.unwrap_err();
    assert!(matches!(fault, Fault::ConnectionBroken { .. }));
    assert!(
        fault.to_string().contains("api_version to \"v2\""),
        "{fault}"
    );
}

#[tokio::test]
async fn the_cheap_sweep_of_v2_asks_only_for_incoming_money_that_no_webhook_told_of() {
    let clock = Clock::still(NOW);
    let fake = FakeSepay::start(&clock).await;
    for (reference, incoming, heard) in
        [("HEARD", true, 1), ("MISSED", true, 0), ("SENT", false, 0)]
    {
        let booking = Booking::incoming(ACCOUNT, 9, "x", NOW.minus(HOUR)).reference(reference);
        fake.book(Booking {
            incoming,
            heard,
            ..booking
        });
    }
    let v2 = payments(&fake, "v2");
    let found = round(&v2, &clock, "unheard", NOW.minus(DAY)).await;
    assert_eq!(references(&found), BTreeSet::from(["MISSED".to_owned()]));
    clock.advance(HOUR);
    assert_eq!(round(&v2, &clock, "recent", NOW.minus(DAY)).await.len(), 3);
    let v1 = teller(&payments(&fake, "v1")).abilities().listings;
    assert!(v1.iter().all(|listing| listing.name != "unheard"));
}

#[tokio::test]
async fn money_into_a_foreign_account_is_never_dropped_and_money_out_of_one_is_not_read() {
    for version in VERSIONS {
        let clock = Clock::still(NOW);
        let fake = FakeSepay::start(&clock).await;
        for (reference, account, sub_account, incoming) in [
            ("OURS-OUT", ACCOUNT, None, false),
            ("VIRTUAL-OUT", "777", Some(ACCOUNT.to_owned()), false),
            ("FOREIGN-IN", "777", None, true),
            ("FOREIGN-OUT", "777", None, false),
        ] {
            let booking = Booking::incoming(account, 9, "x", NOW).reference(reference);
            fake.book(Booking {
                sub_account,
                incoming,
                ..booking
            });
        }
        let reports = round(&payments(&fake, version), &clock, "recent", NOW.minus(DAY)).await;
        let kept = ["FOREIGN-IN", "OURS-OUT", "VIRTUAL-OUT"].map(str::to_owned);
        assert_eq!(references(&reports), BTreeSet::from(kept), "{version}");
    }
}

#[tokio::test]
async fn a_cursor_that_is_none_begins_the_round_anew() {
    let clock = Clock::still(NOW);
    let fake = FakeSepay::start(&clock).await;
    book(&fake, 30);
    let teller = teller(&payments(&fake, "v2"));
    for cursor in [
        "",
        "x",
        "1+2",
        "5+4+0",
        "1+2+-1",
        "99999999999999999999+1+1",
    ] {
        let wanted = Wanted {
            listing: "recent",
            from: NOW.minus(DAY),
            to: NOW,
            cursor: Some(cursor.to_owned()),
        };
        assert_eq!(
            teller.page(&wanted).await.unwrap().reports.len(),
            30,
            "{cursor}"
        );
        clock.advance(HOUR);
    }
}

#[tokio::test]
async fn listings_that_take_turns_keep_the_rate_that_one_address_has() {
    let fake = FakeSepay::start(&Clock::still(NOW)).await;
    for version in VERSIONS {
        let listings = teller(&payments(&fake, version)).abilities().listings;
        let fastest = listings.iter().map(|listing| listing.pace).min().unwrap();
        assert!(fastest * 3 > Duration::from_secs(1), "{version}");
        let names: BTreeSet<&str> = listings.iter().map(|listing| listing.name).collect();
        assert_eq!(names.len(), listings.len());
    }
}

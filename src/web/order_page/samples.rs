//! One order in each of its states, with invented people and money: for the tests and the pictures.

use std::time::Duration;

use super::view::{
    Access, BenefitKind, BenefitView, BuyerTask, LineView, MaskedEmail, Milestones, MoneyState,
    Offer, OrderView, PayView, Totals,
};
use crate::clock::Timestamp;
use crate::money::Money;
use crate::web::frame::Frame;
use crate::words::Locale;

/// 21 November 2025, 14:05:20 in Vietnam.
const NOW: Timestamp = Timestamp(1_763_708_720_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Every state, by name.
#[must_use]
pub fn samples(locale: Locale) -> Vec<(&'static str, OrderView)> {
    let mut all = money_samples(locale);
    all.extend(access_samples(locale));
    all
}

/// The surroundings of every sample.
#[must_use]
pub fn frame(locale: Locale, path: &str) -> Frame {
    Frame {
        locale,
        shop_name: "Học viện Mây".to_owned(),
        support_email: "hotro@hocvienmay.example".to_owned(),
        utc_offset_minutes: 420,
        path: path.to_owned(),
        demo: false,
    }
}

fn money_samples(locale: Locale) -> Vec<(&'static str, OrderView)> {
    let revoked = || Access::Revoked { at: Some(NOW) };
    let unpaid = |money: MoneyState| OrderView {
        times: times(None, None),
        money: money.clone(),
        ..order(locale, [(); 3].map(|()| money.without_grant()))
    };
    let mut demo = unpaid(MoneyState::Awaiting(PayView {
        simulate: Some("/demo/pay/DHK7M2QX9A".to_owned()),
        ..pay(719_200)
    }));
    demo.frame.demo = true;
    demo.totals.coupon = Some(("TET20".to_owned(), Money::vnd(179_800)));
    demo.totals.total = Money::vnd(719_200);
    vec![
        ("awaiting", unpaid(MoneyState::Awaiting(pay(899_000)))),
        ("awaiting_demo", demo),
        (
            "partly_paid",
            unpaid(MoneyState::PartlyPaid {
                received: Money::vnd(799_000),
                pay: pay(100_000),
            }),
        ),
        ("expired", unpaid(MoneyState::Expired { at: NOW })),
        ("cancelled", unpaid(MoneyState::Cancelled { at: NOW })),
        (
            "refunded",
            OrderView {
                money: MoneyState::Refunded {
                    amount: Money::vnd(899_000),
                },
                ..order(locale, [revoked(), revoked(), revoked()])
            },
        ),
        (
            "partially_refunded",
            OrderView {
                money: MoneyState::PartiallyRefunded {
                    amount: Money::vnd(299_000),
                },
                times: times(Some(50), Some(60)),
                ..order(locale, [yours(), yours(), revoked()])
            },
        ),
    ]
}

fn access_samples(locale: Locale) -> Vec<(&'static str, OrderView)> {
    let retrying = || Access::Retrying {
        attempt: 3,
        next_at: NOW.plus(Duration::from_secs(240)),
    };
    let paid = |states| OrderView {
        times: times(Some(50), None),
        ..order(locale, states)
    };
    let finished = |states| OrderView {
        times: times(Some(50), Some(58)),
        ..order(locale, states)
    };
    let mut half = paid([yours(), Access::Waiting, Access::Waiting]);
    half.lines[0].benefits[1].access = retrying();
    vec![
        (
            "waiting",
            paid([Access::Waiting, Access::Waiting, Access::Waiting]),
        ),
        (
            "working",
            paid([Access::Working, Access::Working, Access::Waiting]),
        ),
        (
            "checking",
            paid([yours(), Access::Checking, Access::Working]),
        ),
        ("mixed", paid([yours(), retrying(), Access::Working])),
        ("half_a_course", half),
        (
            "needs_you",
            paid([
                yours(),
                Access::NeedsYou(BuyerTask::AddressRefused),
                yours(),
            ]),
        ),
        (
            "needs_you_otherwise",
            paid([
                Access::NeedsYou(BuyerTask::AccountDisabled),
                Access::NeedsYou(BuyerTask::AcceptInvitation),
                Access::NeedsYou(BuyerTask::Write),
            ]),
        ),
        (
            "needs_seller",
            paid([yours(), Access::NeedsSeller, yours()]),
        ),
        ("some_failed", finished([yours(), Access::Failed, yours()])),
        ("done", finished([yours(), yours(), yours()])),
        (
            "revoked",
            finished([yours(), Access::Revoked { at: None }, yours()]),
        ),
    ]
}

/// A paid order whose three courses are in these states.
fn order(locale: Locale, [first, second, third]: [Access; 3]) -> OrderView {
    let both = [BenefitKind::Enrolment, BenefitKind::Files(3)];
    let seat = [BenefitKind::Enrolment];
    OrderView {
        frame: frame(locale, "/o/3f9a1c77d0e24b5a9c61"),
        now: NOW,
        version: "7".to_owned(),
        stream_url: "/o/3f9a1c77d0e24b5a9c61/stream".to_owned(),
        code: "DHK7M2QX9A".to_owned(),
        email: MaskedEmail::of("bich.tran@gmail.com"),
        money: MoneyState::Paid,
        lines: vec![
            line("Excel cho người đi làm", "excel", 299_000, &both, &first),
            line(
                "Nhiếp ảnh bằng điện thoại",
                "photo",
                399_000,
                &seat,
                &second,
            ),
            line(
                "Tiếng Anh giao tiếp công sở",
                "english",
                299_000,
                &both,
                &third,
            ),
        ],
        totals: Totals {
            list: Money::vnd(997_000),
            total: Money::vnd(899_000),
            offers: vec![Offer::Bundle("Kỹ năng văn phòng".to_owned())],
            coupon: None,
        },
        times: times(Some(50), None),
    }
}

fn line(title: &str, cover: &str, price: i64, kinds: &[BenefitKind], access: &Access) -> LineView {
    let benefit = |kind: &BenefitKind| BenefitView {
        kind: *kind,
        access: access.clone(),
    };
    LineView {
        title: title.to_owned(),
        cover: (cover != "photo").then(|| format!("/covers/{cover}.svg")),
        price: Money::vnd(price),
        benefits: kinds.iter().map(benefit).collect(),
    }
}

fn yours() -> Access {
    Access::Yours {
        link: Some("https://hoc.example/courses/1".to_owned()),
        until: Some(NOW.plus(DAY * 365)),
    }
}

fn pay(amount: i64) -> PayView {
    PayView {
        bank: "Vietcombank".to_owned(),
        account: "0011004567890".to_owned(),
        holder: "CONG TY HOC VIEN MAY".to_owned(),
        amount: Money::vnd(amount),
        memo: "DHK7M2QX9A".to_owned(),
        qr_src: "/api/v1/payment/qr/DHK7M2QX9A.svg".to_owned(),
        qr_png: "/api/v1/payment/qr/DHK7M2QX9A.png".to_owned(),
        expires_at: NOW.plus(DAY).minus(Duration::from_secs(65)),
        simulate: None,
    }
}

/// Ordered a minute ago; paid and done so many seconds after that.
fn times(paid: Option<u64>, done: Option<u64>) -> Milestones {
    let ordered = NOW.minus(Duration::from_secs(60));
    let after = |seconds| ordered.plus(Duration::from_secs(seconds));
    Milestones {
        ordered,
        paid: paid.map(after),
        granted: done.map(after),
        done: done.map(after),
    }
}

//! One order in each of its states, with invented people and money: for the tests and the pictures.

use std::time::Duration;

use super::money::{
    Late, MoneyState, PayView, RefundStage, RefundView, Surplus, TransferView, Way,
};
use super::pretend::PretendView;
use super::view::{
    Access, BenefitKind, BenefitView, BuyerTask, Ended, LineView, MaskedEmail, Milestones, Offer,
    OrderView, Totals,
};
use crate::clock::Timestamp;
use crate::connectors::gateways::teller::Means;
use crate::money::Money;
use crate::web::frame::Frame;
use crate::words::Locale;

/// 21 November 2025, 14:05:20 in Vietnam.
const NOW: Timestamp = Timestamp(1_763_708_720_000);
const DAY: Duration = Duration::from_hours(24);

/// Every state, by name.
#[must_use]
pub fn samples(locale: Locale) -> Vec<(&'static str, OrderView)> {
    let mut all = money_samples(locale);
    all.extend(way_samples(locale));
    all.extend(return_samples(locale));
    all.extend(access_samples(locale));
    all.extend(end_samples(locale));
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

/// An order that is not paid.
fn unpaid(locale: Locale, money: &MoneyState) -> OrderView {
    OrderView {
        times: times(None, None),
        money: money.clone(),
        ..order(locale, [(); 3].map(|()| money.without_grant()))
    }
}

/// Paid, and all of it was kept.
fn finished(locale: Locale, states: [Access; 3]) -> OrderView {
    OrderView {
        times: times(Some(50), Some(58)),
        ..order(locale, states)
    }
}

fn money_samples(locale: Locale) -> Vec<(&'static str, OrderView)> {
    let unpaid = |money| unpaid(locale, &money);
    let mut demo = unpaid(MoneyState::Awaiting(pay(719_200)));
    demo.pretend = Some(PretendView::sample());
    demo.frame.demo = true;
    demo.totals.coupon = Some(("TET20".to_owned(), Money::vnd(179_800)));
    demo.totals.total = Money::vnd(719_200);
    let partly = || MoneyState::PartlyPaid {
        received: Money::vnd(799_000),
        pay: pay(100_000),
    };
    let mut reopened = unpaid(partly());
    reopened.late = Some(Late::Reopened);
    let mut over = finished(locale, [yours(), yours(), yours()]);
    over.late = Some(Late::Paid);
    over.surplus = Some(Surplus {
        due: Money::vnd(101_000),
        returned: Money::vnd(50_000),
    });
    vec![
        ("awaiting", unpaid(MoneyState::Awaiting(pay(899_000)))),
        ("awaiting_demo", demo),
        ("partly_paid", unpaid(partly())),
        ("reopened", reopened),
        ("paid_over", over),
        ("expired", unpaid(MoneyState::Expired { at: NOW })),
        ("cancelled", unpaid(MoneyState::Cancelled { at: NOW })),
    ]
}

fn way_samples(locale: Locale) -> Vec<(&'static str, OrderView)> {
    let unpaid = |money| unpaid(locale, &money);
    let card = || way(Means::Card);
    let choice = || PayView {
        ways: vec![card()],
        ..pay(899_000)
    };
    let many = PayView {
        ways: vec![
            Way {
                refused: Some(locale.say("error.card_amount_too_small").into_owned()),
                ..card()
            },
            way(Means::Transfer),
            way(Means::Any),
        ],
        failed: Some(Means::Transfer),
        ..pay(9_000)
    };
    let card_only = PayView {
        transfer: None,
        ..choice()
    };
    let failed = PayView {
        failed: Some(Means::Card),
        ..choice()
    };
    let mut refused = unpaid(MoneyState::Awaiting(choice()));
    refused.notice = Some(locale.say("error.checkout_unavailable").into_owned());
    vec![
        ("choice", unpaid(MoneyState::Awaiting(choice()))),
        ("choice_of_many", unpaid(MoneyState::Awaiting(many))),
        ("choice_refused", refused),
        ("card_only", unpaid(MoneyState::Awaiting(card_only))),
        ("card_failed", unpaid(MoneyState::Awaiting(failed))),
        ("confirming", unpaid(MoneyState::Confirming(Means::Card))),
        (
            "confirming_otherwise",
            unpaid(MoneyState::Confirming(Means::Transfer)),
        ),
    ]
}

fn return_samples(locale: Locale) -> Vec<(&'static str, OrderView)> {
    let ended = |why| Access::Revoked {
        at: Some(NOW),
        why: Some(why),
    };
    let with = |money, states| OrderView {
        money,
        ..finished(locale, states)
    };
    let mut refunded = with(
        MoneyState::Refunded {
            amount: Money::vnd(899_000),
            disputed: false,
        },
        [(); 3].map(|()| ended(Ended::Refunded)),
    );
    refunded.refunds = vec![refund(899_000, None, RefundStage::OnTheWay)];
    let mut partly = with(
        MoneyState::PartiallyRefunded {
            amount: Money::vnd(349_000),
        },
        [yours(), yours(), ended(Ended::Refunded)],
    );
    let course = || Some("Tiếng Anh giao tiếp công sở".to_owned());
    partly.refunds = vec![
        RefundView {
            by_hand: true,
            reference: Some("FT25325123456".to_owned()),
            ..refund(250_000, course(), RefundStage::Done)
        },
        RefundView {
            by_hand: true,
            ..refund(49_000, course(), RefundStage::Decided)
        },
        refund(50_000, None, RefundStage::Done),
    ];
    let paused = || Access::Paused { at: Some(NOW) };
    let charged_back = MoneyState::Refunded {
        amount: Money::vnd(899_000),
        disputed: true,
    };
    vec![
        ("refunded", refunded),
        ("partially_refunded", partly),
        (
            "disputed",
            with(MoneyState::Disputed, [paused(), paused(), paused()]),
        ),
        (
            "charged_back",
            with(charged_back, [(); 3].map(|()| ended(Ended::ChargedBack))),
        ),
    ]
}

fn invitation() -> BuyerTask {
    BuyerTask::AcceptInvitation {
        link: Some("https://learn.example.com/invitations/7".to_owned()),
    }
}

fn access_samples(locale: Locale) -> Vec<(&'static str, OrderView)> {
    let retrying = || Access::Retrying {
        attempt: 3,
        next_at: NOW.plus(Duration::from_mins(4)),
    };
    let paid = |states| OrderView {
        times: times(Some(50), None),
        ..order(locale, states)
    };
    let finished = |states| finished(locale, states);
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
                Access::NeedsYou(invitation()),
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
            finished([
                yours(),
                Access::Revoked {
                    at: Some(NOW),
                    why: Some(Ended::BySeller),
                },
                yours(),
            ]),
        ),
    ]
}

/// Access that ends, and presents.
fn end_samples(locale: Locale) -> Vec<(&'static str, OrderView)> {
    let finished = |states| finished(locale, states);
    let gift = |view| OrderView {
        gift: true,
        totals: Totals {
            total: Money::vnd(0),
            offers: vec![Offer::Gift],
            ..order(locale, [yours(), yours(), yours()]).totals
        },
        ..view
    };
    let working = OrderView {
        times: times(Some(50), None),
        ..order(locale, [yours(), Access::Working, Access::Waiting])
    };
    vec![
        ("ending", ending(finished([yours(), yours(), yours()]))),
        ("gift_working", gift(working)),
        ("gift", gift(finished([yours(), yours(), yours()]))),
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
        secret: "3f9a1c77d0e24b5a9c61".to_owned(),
        stream_url: "/o/3f9a1c77d0e24b5a9c61/stream".to_owned(),
        code: "DHK7M2QX9A".to_owned(),
        email: MaskedEmail::of("bich.tran@gmail.com"),
        gift: false,
        money: MoneyState::Paid,
        late: None,
        surplus: None,
        refunds: Vec::new(),
        notice: None,
        pretend: None,
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
        meanwhile: None,
    };
    LineView {
        title: title.to_owned(),
        cover: (cover != "photo").then(|| format!("/covers/{cover}.svg")),
        price: Money::vnd(price),
        benefits: kinds.iter().map(benefit).collect(),
        again: None,
    }
}

fn yours() -> Access {
    Access::Yours {
        link: Some("https://hoc.example/courses/1".to_owned()),
        until: Some(NOW.plus(DAY * 365)),
        ending: false,
    }
}

/// The first course ends soon, the second has ended; both can be bought again.
fn ending(mut view: OrderView) -> OrderView {
    let soon = Access::Yours {
        link: Some("https://hoc.example/courses/1".to_owned()),
        until: Some(NOW.plus(DAY * 3)),
        ending: true,
    };
    let over = Access::Revoked {
        at: Some(NOW),
        why: Some(Ended::TimeUp),
    };
    for (line, access) in view.lines.iter_mut().zip([soon, over]) {
        for benefit in &mut line.benefits {
            benefit.access = access.clone();
        }
        line.again = Some("/?course=excel#order".to_owned());
    }
    view
}

fn way(means: Means) -> Way {
    Way {
        means,
        action: "/o/3f9a1c77d0e24b5a9c61/pay/gateway".to_owned(),
        refused: None,
    }
}

fn refund(amount: i64, course: Option<String>, stage: RefundStage) -> RefundView {
    RefundView {
        amount: Money::vnd(amount),
        course,
        by_hand: false,
        reference: None,
        stage,
        at: NOW,
    }
}

fn pay(amount: i64) -> PayView {
    PayView {
        amount: Money::vnd(amount),
        expires_at: NOW.plus(DAY).minus(Duration::from_secs(65)),
        transfer: Some(TransferView {
            bank: "Vietcombank".to_owned(),
            account: "0011004567890".to_owned(),
            holder: "CONG TY HOC VIEN MAY".to_owned(),
            memo: "DHK7M2QX9A".to_owned(),
            qr_src: "/api/v1/payment/qr/DHK7M2QX9A.svg".to_owned(),
            qr_png: "/api/v1/payment/qr/DHK7M2QX9A.png".to_owned(),
        }),
        ways: Vec::new(),
        failed: None,
    }
}

/// Ordered a minute ago; paid and done so many seconds after that.
fn times(paid: Option<u64>, done: Option<u64>) -> Milestones {
    let ordered = NOW.minus(Duration::from_mins(1));
    let after = |seconds| ordered.plus(Duration::from_secs(seconds));
    Milestones {
        ordered,
        paid: paid.map(after),
        granted: done.map(after),
        done: done.map(after),
    }
}

//! The corpus of mangled memos against the whole road: orders in a database, webhooks as the
//! gateway sends them, settled one by one. No memo pays an order that it should not, and nearly
//! all that are certain need no person.

use bursar::args;
use bursar::connectors::gateways::sepay;
use bursar::db::Kind;
use bursar::fulfilment::Policy;
use bursar::fulfilment::place::{self, Request};
use bursar::fulfilment::settle::{self, Settled};
use bursar::id::Mint;
use bursar::model::Moment;
use bursar::model::audit::Actor;
use bursar::model::code::OrderCode;
use bursar::model::gateway_event::{Arrival, Road};
use bursar::model::order::{self, Order, OrderKind, PaymentStatus};
use bursar::model::transfer::Class;
use bursar::money::Money;
use bursar::words::Locale;
use futures_util::future::join_all;
use serde_json::json;

use crate::corpus::{Case, Known, Memo, Standing, corpus};
use crate::harness::shop::{ACCOUNT, BUYER, Shop};

bursar::statements! {
    RENAME = "UPDATE orders SET code = $2, total = $3 WHERE id = $1";
}

/// Orders or transfers at once.
const BATCH: usize = 100;

/// The shop under another prefix.
fn policy(shop: &Shop, prefix: &str) -> Policy {
    Policy {
        prefix: prefix.to_owned(),
        ..shop.app.desk.policy.clone()
    }
}

/// Place an order that has this code and total, and let it come to where it stands.
async fn place(shop: &Shop, policy: &Policy, known: &Known) {
    let catalogue = shop.app.catalogue().await.unwrap();
    let courses = vec!["files".to_owned()];
    let basket = place::basket(&catalogue, policy, &courses).unwrap();
    let request = Request {
        email: BUYER.to_owned(),
        name: String::new(),
        phone: None,
        locale: Locale::Vi,
        courses,
        idempotency: None,
        kind: OrderKind::Sale,
        coupon: None,
    };
    let (moment, policy, known) = (shop.app.moment(Actor::Buyer), policy.clone(), known.clone());
    let placing = shop.app.db.write(move |tx| {
        Box::pin(async move {
            let placed = place::place(tx, &moment, &policy, &request, &basket).await?;
            let id = &placed.order.id;
            tx.exec(&RENAME, args![id, &known.code, known.total])
                .await?;
            if let Some(to) = closed(known.standing) {
                let moves = (PaymentStatus::Pending, to);
                order::close_or_reopen(tx, &moment, id, moves, moment.now, "test").await?;
            }
            Ok(())
        })
    });
    placing.await.unwrap();
}

fn closed(standing: Standing) -> Option<PaymentStatus> {
    match standing {
        Standing::Open | Standing::Paid => None,
        Standing::Expired => Some(PaymentStatus::Expired),
        Standing::Cancelled => Some(PaymentStatus::Cancelled),
    }
}

/// What the web door does with a webhook, under this policy.
async fn settle(shop: &Shop, policy: &Policy, id: i64, amount: i64, memo: &Memo) -> Settled {
    let money = Money::vnd(amount);
    let mut body = sepay::sample_webhook(id, ACCOUNT, money, &memo.content, shop.clock.now());
    body["code"] = json!(memo.code);
    body["description"] = json!(memo.description);
    let body = body.to_string().into_bytes();
    let gateway = shop.app.desk.gateways.get(sepay::NAME).unwrap();
    let facts = gateway.read(&body).unwrap();
    let arrival = Arrival {
        gateway: sepay::NAME.to_owned(),
        key: gateway.event_key(&body),
        body,
        note: None,
        road: Road::Message,
    };
    let moment: Moment = shop.app.moment(Actor::Gateway(sepay::NAME.to_owned()));
    let policy = policy.clone();
    let settling = shop.app.db.write(move |tx| {
        Box::pin(async move { settle::arrival(tx, &moment, &policy, &arrival, &facts).await })
    });
    settling.await.unwrap()
}

/// A memo that is its code, as the gateway would send it.
fn plain(code: &OrderCode) -> Memo {
    Memo {
        code: None,
        content: code.to_string(),
        description: String::new(),
    }
}

async fn stored(shop: &Shop, code: &OrderCode) -> Order {
    let code = code.clone();
    let read = shop
        .app
        .db
        .read(move |tx| Box::pin(async move { order::by_code(tx, &code).await }));
    read.await.unwrap().unwrap()
}

/// Put every order of these cases where it stands.
async fn prepare(shop: &Shop, policy: &Policy, cases: &[Case], first_id: i64) {
    let known: Vec<&Known> = cases.iter().flat_map(|case| &case.orders).collect();
    for batch in known.chunks(BATCH) {
        join_all(batch.iter().map(|known| place(shop, policy, known))).await;
    }
    let paid = known
        .iter()
        .filter(|known| known.standing == Standing::Paid);
    let paying = (first_id..).zip(paid).map(async |(id, known)| {
        let settled = settle(shop, policy, id, known.total, &plain(&known.code)).await;
        assert_eq!(settled.class, Some(Class::Exact));
    });
    join_all(paying).await;
}

/// The order that each transfer paid, if any.
async fn pay(
    shop: &Shop,
    policy: &Policy,
    cases: &[Case],
    first_id: i64,
) -> Vec<Option<OrderCode>> {
    let mut paid = Vec::with_capacity(cases.len());
    let numbered: Vec<(i64, &Case)> = (first_id..).zip(cases).collect();
    for batch in numbered.chunks(BATCH) {
        let settled = batch
            .iter()
            .map(|(id, case)| settle(shop, policy, *id, case.amount, &case.memo));
        for settled in join_all(settled).await {
            let order = settled.order.filter(|_| settled.lines_started > 0);
            paid.push(order.map(|order| order.code));
        }
    }
    paid
}

/// Each order is paid if it was before or if its own memo pays it, and not otherwise.
async fn assert_only_these_are_paid(shop: &Shop, cases: &[Case], paid: &[Option<OrderCode>]) {
    for (case, paid) in cases.iter().zip(paid) {
        for known in &case.orders {
            let expected = known.standing == Standing::Paid || paid.as_ref() == Some(&known.code);
            let is_paid = stored(shop, &known.code).await.payment_status == PaymentStatus::Paid;
            assert_eq!(is_paid, expected, "{case:?}");
        }
    }
}

#[tokio::test]
async fn of_a_thousand_mangled_memos_none_pays_a_wrong_order_and_the_certain_ones_need_nobody() {
    let shop = Box::pin(Shop::open(Kind::Sqlite)).await;
    let (mut memos, mut certain, mut automatic) = (0, 0, 0);
    for (prefix, base) in [("DH", 1_000_000), ("TBC", 2_000_000), ("KHOA", 3_000_000)] {
        let policy = policy(&shop, prefix);
        let cases = corpus(20_261, prefix);
        prepare(&shop, &policy, &cases, base).await;
        let paid = pay(&shop, &policy, &cases, base + 100_000).await;
        let wrong: Vec<&Case> = (cases.iter().zip(&paid))
            .filter(|(case, paid)| paid.is_some() && **paid != case.truth)
            .map(|(case, _)| case)
            .collect();
        assert!(wrong.is_empty(), "paid, and should not be: {wrong:#?}");
        assert_only_these_are_paid(&shop, &cases, &paid).await;
        memos += cases.len();
        certain += cases.iter().filter(|case| case.truth.is_some()).count();
        automatic += paid.iter().flatten().count();
    }
    assert!(memos >= 1000, "{memos} memos");
    assert!(
        automatic * 100 >= certain * 97,
        "{automatic} of {certain} certain ones need nobody"
    );
}

/// Two codes that share characters: the second begins with the prefix at the end of the first.
fn crossing(mint: &Mint) -> (OrderCode, OrderCode) {
    loop {
        let first = format!("DH{}DH", mint.letters(6));
        let second = OrderCode::mint("DH", mint);
        if let Some(first) = OrderCode::parse(&first, "DH") {
            return (first, second);
        }
    }
}

#[tokio::test]
async fn a_stored_code_across_one_that_stands_alone_leaves_both_to_a_person() {
    let shop = Box::pin(Shop::open(Kind::Sqlite)).await;
    let policy = policy(&shop, "DH");
    let mint = Mint::seeded(5);
    for both in [false, true] {
        let (alone, across) = crossing(&mint);
        let open = |code: &OrderCode| Known {
            code: code.clone(),
            total: 500_000,
            standing: Standing::Open,
        };
        place(&shop, &policy, &open(&alone)).await;
        if both {
            place(&shop, &policy, &open(&across)).await;
        }
        let memo = Memo {
            content: format!("CK {alone} {}", &across.as_str()[2..]),
            ..plain(&alone)
        };
        let settled = settle(&shop, &policy, 70 + i64::from(both), 500_000, &memo).await;
        let class = if both { Class::Split } else { Class::Exact };
        assert_eq!(settled.class, Some(class));
        let status = stored(&shop, &alone).await.payment_status;
        assert_eq!(status == PaymentStatus::Paid, !both);
    }
}

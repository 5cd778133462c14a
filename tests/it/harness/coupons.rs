//! Coupons for stories: made through the model, as the command makes them.

use std::sync::Arc;

use bursar::app::App;
use bursar::db::{Db, Row};
use bursar::error::Result;
use bursar::id::OrderId;
use bursar::model::audit::Actor;
use bursar::model::coupon::{self, Counted, CouponCode, CouponKind, Limits, NewCoupon, UseState};
use bursar::money::Currency;

use super::shop::Shop;

bursar::statements! {
    DECISIONS = "SELECT actor, action FROM audit WHERE action IN ('coupon.created', 'coupon.changed') ORDER BY id";
}

/// So many per cent off everything, without any limit.
pub fn percent(code: &str, value: i64) -> NewCoupon {
    NewCoupon {
        code: CouponCode::parse(code).unwrap(),
        kind: CouponKind::Percent,
        value,
        currency: Currency::Vnd,
        only_for: Vec::new(),
        limits: Limits {
            max_uses: None,
            per_customer: None,
            min_total: 0,
            from: None,
            until: None,
            active: true,
            note: String::new(),
        },
    }
}

pub async fn make(app: &Arc<App>, new: NewCoupon) {
    new.check().unwrap();
    let moment = app.moment(Actor::Operator("test".to_owned()));
    let made = app
        .db
        .write(move |tx| Box::pin(async move { coupon::create(tx, &moment, &new).await }));
    made.await.unwrap();
}

/// The coupon of this code and what became of its uses.
pub async fn counted(app: &Arc<App>, code: &str) -> Counted {
    let code = CouponCode::parse(code).unwrap();
    let read = app
        .db
        .read(move |tx| Box::pin(async move { coupon::counted(tx, Some(&code), 1).await }));
    read.await.unwrap().pop().unwrap()
}

/// Reserved, used, and the coupon's own count of both.
pub async fn uses(app: &Arc<App>, code: &str) -> [i64; 3] {
    let counted = counted(app, code).await;
    [counted.reserved, counted.used, counted.coupon.taken]
}

/// Move the use of an order by the step that leads there.
pub async fn advance(shop: &Shop, order: &OrderId, to: UseState) -> Result<()> {
    let order = order.clone();
    let step = shop.step(move |tx, moment| {
        Box::pin(async move {
            match to {
                UseState::Reserved => coupon::retake_for(tx, &moment, &order).await,
                UseState::Used => coupon::use_for(tx, &moment, &order).await,
                UseState::Released => coupon::release_for(tx, &moment, &order).await,
            }
        })
    });
    step.await
}

/// Who made and changed coupons, by the audit.
pub async fn decisions(db: &Db) -> Vec<String> {
    let read = db.read(|tx| Box::pin(async move { tx.rows(&DECISIONS, &[]).await }));
    let text = |row: &Row, column| row.get::<String>(column).unwrap();
    let rows = read.await.unwrap();
    rows.iter()
        .map(|row| format!("{} {}", text(row, "actor"), text(row, "action")))
        .collect()
}

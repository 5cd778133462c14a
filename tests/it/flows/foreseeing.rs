//! What a decision about a transfer would do, said before, against what the step then does.

use bursar::fulfilment::foresee::{self, Effect, Undoing};
use bursar::fulfilment::inbox;
use bursar::model::order::{Order, PaymentStatus};
use bursar::model::transfer::Transfer;
use bursar::money::Money;

use crate::harness::databases::KINDS;
use crate::harness::shop::Shop;

async fn undoing(shop: &Shop, transfer: &Transfer) -> Undoing {
    let (policy, transfer) = (shop.app.desk.policy.clone(), transfer.clone());
    let asked = shop
        .app
        .db
        .read(move |tx| Box::pin(async move { foresee::undoing(tx, &policy, &transfer).await }));
    asked.await.unwrap()
}

async fn assign(shop: &Shop, transfer: &Transfer, order: &Order) -> bursar::error::Result<Order> {
    let policy = shop.app.desk.policy.clone();
    let (id, code) = (transfer.id.clone(), order.code.clone());
    let step = shop.step(move |tx, moment| {
        Box::pin(
            async move { inbox::assign(tx, &moment, &policy, &id, &code, "by a person").await },
        )
    });
    step.await
}

#[tokio::test]
async fn what_assigning_would_do_is_what_it_does_for_every_amount() {
    for kind in KINDS {
        let shop = Box::pin(Shop::open(kind)).await;
        let tolerance = shop.app.desk.policy.tolerance;
        let total = 500_000;
        for dong in [
            1,
            total / 2,
            total - tolerance - 1,
            total - tolerance,
            total,
        ]
        .into_iter()
        .chain([total + tolerance, total + tolerance + 1, total * 3])
        {
            let order = shop.order(&["enrol"]).await;
            shop.webhook(&shop.transfer(dong, "tien")).await.unwrap();
            let transfer = shop.inbox().await.pop().unwrap();
            let left = Money::vnd(dong);
            let said = foresee::assigning(&shop.app.desk.policy, left, &order);
            let after = assign(&shop, &transfer, &order).await.unwrap();
            let waiting = shop.inbox().await.into_iter().find(|t| t.id == transfer.id);
            let done = match (after.payment_status, waiting) {
                (PaymentStatus::Paid, None) => Effect::Pays,
                (PaymentStatus::Paid, Some(rest)) => Effect::Surplus(rest.due()),
                _ => Effect::Rest(after.owed()),
            };
            assert_eq!(said, done, "{dong} of {total}");
            let again = foresee::assigning(&shop.app.desk.policy, left, &after);
            if after.payment_status == PaymentStatus::Paid {
                assert_eq!(again, Effect::Refused, "{dong}: it is paid");
            }
        }
    }
}

#[tokio::test]
async fn what_undoing_would_do_is_what_it_does() {
    for kind in KINDS {
        let shop = Box::pin(Shop::open(kind)).await;
        let order = shop.bought(&["enrol"]).await;
        let transfer = shop.transfers(&order).await.pop().unwrap();
        let Undoing::Frees(freed) = undoing(&shop, &transfer).await else {
            panic!("it can be undone");
        };
        assert_eq!(freed.len(), 1);
        assert!(freed[0].closes && freed[0].amount == 500_000);
        assert_eq!(freed[0].order.id, order.id);
        let (policy, id) = (shop.app.desk.policy.clone(), transfer.id.clone());
        let step = shop.step(move |tx, moment| {
            Box::pin(async move { inbox::undo(tx, &moment, &policy, &id, "a mistake").await })
        });
        let open = step.await.unwrap();
        let now = shop.order_now(&order.id).await;
        assert_eq!(now.payment_status, PaymentStatus::Pending);
        assert!(matches!(undoing(&shop, &open).await, Undoing::Nothing));
    }
}

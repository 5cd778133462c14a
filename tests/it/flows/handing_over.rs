//! Files that the seller's own worker delivers: claimed, reported once, by whoever holds the lease.

use std::time::Duration;

use bursar::fulfilment::complete;
use bursar::model::grant::GrantState;
use bursar::model::line::LineStatus;
use bursar::model::order::OrderStatus;
use bursar::outcome::Who;
use bursar::tasks::hand_over::{self, Report};

use crate::harness::shop::{LEASE, Shop, each};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_hand_over_whose_grant_was_given_up_is_not_handed_out_again() {
    each(async |shop| {
        let order = shop.bought(&["worker"]).await;
        let job = claim(shop).await;
        shop.advance(72 * HOUR);
        assert_eq!(shop.sweep().await.given_up, 1);
        let lease = shop
            .tasks()
            .await
            .iter()
            .find(|t| t.kind == "hand_over")
            .unwrap()
            .lease
            .clone();
        assert!(lease.is_none(), "the lease had ended long before");
        let again = claim_all(shop).await;
        assert!(again.is_empty(), "nothing is owed any more: {again:?}");
        assert!(!job.folder.is_empty());
        shop.drain().await;
        assert_eq!(
            shop.order_now(&order.id).await.order_status,
            OrderStatus::Failed
        );
    })
    .await;
}

async fn claim_all(shop: &Shop) -> Vec<hand_over::Job> {
    shop.step(|tx, moment| Box::pin(async move { hand_over::claim(tx, &moment, 10, LEASE).await }))
        .await
        .unwrap()
}

async fn claim(shop: &Shop) -> hand_over::Job {
    claim_all(shop).await.pop().unwrap()
}

async fn finalize(
    shop: &Shop,
    job: &hand_over::Job,
    report: Report,
) -> bursar::error::Result<bool> {
    let (task, lease) = (job.task.clone(), job.lease.clone());
    shop.step(move |tx, moment| {
        Box::pin(async move {
            let ended = hand_over::finalize(tx, &moment, &task, Some(&lease), &report).await?;
            Ok(ended.1)
        })
    })
    .await
}

fn delivered() -> Report {
    Report::Delivered {
        link: Some("https://drive.example/x".to_owned()),
        folder: None,
    }
}

#[tokio::test]
async fn a_hand_over_is_ended_once_by_the_worker_that_holds_it() {
    each(async |shop| {
        let order = shop.bought(&["worker"]).await;
        shop.drain().await;
        let lost = claim(shop).await;
        shop.advance(LEASE + MINUTE);
        assert_eq!(shop.sweep().await.leases, 1);
        let held = claim(shop).await;
        assert!(finalize(shop, &lost, delivered()).await.is_err());
        assert!(!finalize(shop, &held, delivered()).await.unwrap());
        assert!(
            finalize(shop, &held, delivered()).await.unwrap(),
            "again: it had ended"
        );
        shop.drain().await;
        shop.assert_completed(&order).await;
        assert!(
            shop.letters()
                .iter()
                .any(|l| l.contains("https://drive.example/x"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_hand_over_that_fails_for_good_waits_for_the_seller() {
    each(async |shop| {
        let order = shop.bought(&["worker"]).await;
        for _ in 0..5 {
            let job = claim(shop).await;
            let why = "no room".to_owned();
            finalize(shop, &job, Report::Failed { why }).await.unwrap();
            shop.advance(HOUR);
        }
        assert!(claim_all(shop).await.is_empty());
        let grant = shop.grant(&order).await;
        assert_eq!(
            (grant.state, grant.who),
            (GrantState::ActionNeeded, Some(Who::Seller))
        );
        shop.retry(&grant.id).await.unwrap();
        let job = claim(shop).await;
        finalize(shop, &job, delivered()).await.unwrap();
        shop.drain().await;
        shop.assert_completed(&order).await;
    })
    .await;
}

#[tokio::test]
async fn a_late_report_about_a_given_up_grant_counts_when_it_is_good_and_re_arms_nothing_when_not()
{
    each(async |shop| {
        let [fails, works] = [
            shop.bought(&["worker"]).await,
            shop.bought(&["worker"]).await,
        ];
        let jobs = claim_all(shop).await;
        for order in [&fails, &works] {
            let grant = shop.grant(order).await;
            shop.step(move |tx, moment| {
                Box::pin(async move { complete::give_up(tx, &moment, &grant, "by a person").await })
            })
            .await
            .unwrap();
        }
        for job in &jobs {
            let report = if job.order == works.id {
                delivered()
            } else {
                Report::Failed {
                    why: "no room".to_owned(),
                }
            };
            finalize(shop, job, report).await.unwrap();
        }
        assert_eq!(
            shop.grant(&fails).await.state,
            GrantState::GaveUp,
            "only a person re-arms it"
        );
        assert_eq!(
            shop.grant(&works).await.state,
            GrantState::Active,
            "what was delivered is true"
        );
        assert_eq!(shop.lines(&works).await[0].status, LineStatus::Completed);
        shop.drain().await;
        assert!(shop.sent(&works).await.len() >= 2);
        shop.advance(HOUR);
        claim_all(shop).await;
        shop.drain().await;
    })
    .await;
}

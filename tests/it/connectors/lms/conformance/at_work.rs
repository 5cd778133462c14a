//! What a connector alone cannot promise: the pipeline with this platform behind it. A whole shop,
//! its queue and its locks; time passes when it is told to.

use std::time::Duration;

use bursar::connectors::http::Limits;
use bursar::connectors::lms::{Learner, connect_within};
use bursar::db::Kind;
use bursar::model::grant::{Grant, GrantState};
use bursar::model::order::Order;
use bursar::outcome::Who;

use super::bench::needs;
use super::{Bench, Ended, Trouble};
use crate::harness::shop::{Setup, Shop};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A shop with one course of the platform, for ever and for a month.
pub async fn shop(b: &Bench) -> Shop {
    let mut setup = Setup::on(Kind::Sqlite);
    setup.in_memory = true;
    setup.catalogue = catalogue(b.course());
    let patient = connect_within(&b.platform.connection(), Limits::default());
    setup.platforms.push(("lms", patient.unwrap()));
    Box::pin(Shop::set_up(setup)).await
}

fn catalogue(course: &str) -> String {
    let course = toml::Value::String(course.to_owned());
    let one = |slug: &str, days: &str| {
        format!(
            "[[course]]\nslug = \"{slug}\"\ntitle = \"{slug}\"\nsummary = \"x\"\n\
             url = \"https://shop.example/{slug}\"\nprice = 500000\nrights = \"own\"\n{days}\
             [[course.benefit]]\nkind = \"enrolment\"\nconnection = \"lms\"\ncourse = {course}\n"
        )
    };
    one("it", "") + &one("month", "access_days = 30\n")
}

/// Ordered and paid by this learner.
pub async fn bought(shop: &Shop, learner: &Learner) -> Order {
    let (order, _) = Box::pin(shop.bought_by_card_of(&learner.email, &["it"])).await;
    order
}

pub async fn kept(shop: &Shop, learner: &Learner) -> Order {
    let order = bought(shop, learner).await;
    shop.drain().await;
    assert_eq!(state(shop, &order).await, GrantState::Active);
    order
}

pub async fn refund(shop: &Shop, order: &Order) {
    shop.pay_back(order, None).await.unwrap();
}

pub async fn state(shop: &Shop, order: &Order) -> GrantState {
    shop.grant(order).await.state
}

/// Waits for this one to act; the grant as it stands.
pub async fn assert_needs(shop: &Shop, order: &Order, who: Who) -> Grant {
    let grant = shop.grant(order).await;
    let found = (grant.state, grant.who);
    assert_eq!(
        found,
        (GrantState::ActionNeeded, Some(who)),
        "{:?}",
        grant.why
    );
    grant
}

pub async fn one_order(b: &Bench) -> Ended {
    let (shop, ada) = (shop(b).await, b.learner());
    let order = bought(&shop, &ada).await;
    shop.drain().await;
    shop.assert_completed(&order).await;
    b.assert_count(&ada, 1).await;
    shop.finish().await;
    Ok(())
}

pub async fn six_at_once(b: &Bench) -> Ended {
    b.needs_reads()?;
    let (shop, ada) = (shop(b).await, b.learner());
    let mut orders = Vec::new();
    for _ in 0..6 {
        orders.push(bought(&shop, &ada).await);
    }
    shop.live(HOUR, MINUTE).await;
    for order in &orders {
        assert_eq!(state(&shop, order).await, GrantState::Active);
    }
    assert_eq!(b.read(&ada).await.map(|found| found.rows), Some(1));
    b.assert_count(&ada, 1).await;
    shop.finish().await;
    Ok(())
}

pub async fn lost_answer(b: &Bench) -> Ended {
    b.needs_reads()?;
    let (shop, ada) = (shop(b).await, b.learner());
    b.trouble(Trouble::AnswerLostAfterWrite).await?;
    let order = bought(&shop, &ada).await;
    shop.live(HOUR, MINUTE).await;
    shop.assert_completed(&order).await;
    b.assert_count(&ada, 1).await;
    refund(&shop, &order).await;
    shop.live(HOUR, MINUTE).await;
    needs(b.can().withdraws, "nothing can be taken back there")?;
    b.assert_closed(&ada).await;
    Ok(())
}

/// Without a read, and where a repeat might enrol twice, a person has to look.
pub async fn lost_for_good(b: &Bench) -> Ended {
    let can = b.can();
    needs(!can.reads_back, "a read tells")?;
    let (shop, ada) = (shop(b).await, b.learner());
    b.trouble(Trouble::AnswerLostAfterWrite).await?;
    let order = bought(&shop, &ada).await;
    shop.live(HOUR, MINUTE).await;
    if can.repeat_is_safe {
        shop.assert_completed(&order).await;
    } else {
        assert_needs(&shop, &order, Who::Seller).await;
    }
    b.assert_count(&ada, 1).await;
    Ok(())
}

pub async fn deadlock(b: &Bench) -> Ended {
    b.needs_reads()?;
    let (shop, ada) = (shop(b).await, b.learner());
    b.trouble(Trouble::DeadlockOnce).await?;
    let order = bought(&shop, &ada).await;
    shop.live(HOUR, MINUTE).await;
    shop.assert_completed(&order).await;
    b.assert_count(&ada, 1).await;
    Ok(())
}

pub async fn a_day_away(b: &Bench) -> Ended {
    let (shop, ada) = (shop(b).await, b.learner());
    b.trouble(Trouble::Maintenance).await?;
    let order = bought(&shop, &ada).await;
    shop.live(DAY, HOUR).await;
    assert!(state(&shop, &order).await.is_owed());
    b.platform.behave().await;
    shop.live(2 * HOUR, 10 * MINUTE).await;
    shop.assert_completed(&order).await;
    b.assert_count(&ada, 1).await;
    Ok(())
}

pub async fn broken_then_mended(b: &Bench) -> Ended {
    let (shop, ada) = (shop(b).await, b.learner());
    b.trouble(Trouble::RightMissingWritesRefused).await?;
    let order = bought(&shop, &ada).await;
    shop.live(HOUR, 10 * MINUTE).await;
    assert_needs(&shop, &order, Who::Connection).await;
    b.platform.behave().await;
    shop.live(6 * HOUR, 10 * MINUTE).await;
    shop.assert_completed(&order).await;
    b.assert_count(&ada, 1).await;
    Ok(())
}

pub async fn revoked_meanwhile(b: &Bench) -> Ended {
    let (shop, ada) = (shop(b).await, b.learner());
    b.trouble(Trouble::Maintenance).await?;
    let order = bought(&shop, &ada).await;
    shop.drain().await;
    refund(&shop, &order).await;
    b.platform.behave().await;
    shop.live(DAY, HOUR).await;
    if b.can().withdraws {
        assert_eq!(state(&shop, &order).await, GrantState::Revoked);
    }
    b.assert_count(&ada, 0).await;
    Ok(())
}

pub async fn two_orders(b: &Bench) -> Ended {
    b.needs_withdrawal()?;
    let (shop, ada) = (shop(b).await, b.learner());
    let orders = [kept(&shop, &ada).await, kept(&shop, &ada).await];
    b.assert_count(&ada, 1).await;
    refund(&shop, &orders[0]).await;
    shop.drain().await;
    b.assert_count(&ada, 1).await;
    assert!(b.read(&ada).await.is_some(), "the other order is a reason");
    refund(&shop, &orders[1]).await;
    shop.drain().await;
    b.assert_closed(&ada).await;
    shop.finish().await;
    Ok(())
}

pub async fn only_ours(b: &Bench) -> Ended {
    b.needs_withdrawal()?;
    let (shop, ada) = (shop(b).await, b.learner());
    b.trouble(Trouble::EnrolledBefore).await?;
    let order = kept(&shop, &ada).await;
    refund(&shop, &order).await;
    shop.live(HOUR, MINUTE).await;
    assert_eq!(state(&shop, &order).await, GrantState::Revoked);
    b.assert_count(&ada, 1).await;
    Ok(())
}

pub async fn withdrawn_after_an_outage(b: &Bench) -> Ended {
    b.needs_withdrawal()?;
    let (shop, ada) = (shop(b).await, b.learner());
    let order = kept(&shop, &ada).await;
    b.trouble(Trouble::Maintenance).await?;
    refund(&shop, &order).await;
    shop.live(DAY, HOUR).await;
    assert_eq!(state(&shop, &order).await, GrantState::Revoking);
    b.platform.behave().await;
    shop.live(2 * HOUR, 10 * MINUTE).await;
    assert_eq!(state(&shop, &order).await, GrantState::Revoked);
    b.assert_closed(&ada).await;
    Ok(())
}

/// A retry of what was kept is refused, a lost answer is settled by reading, and neither moves the
/// end: it is counted from the day the access began.
pub async fn the_end_stays(b: &Bench) -> Ended {
    b.needs_reads()?;
    let (shop, ada) = (shop(b).await, b.learner());
    b.trouble(Trouble::AnswerLostAfterWrite).await?;
    let (order, _) = Box::pin(shop.bought_by_card_of(&ada.email, &["month"])).await;
    shop.drain().await;
    let grant = shop.grant(&order).await;
    let end = grant.activated_at.unwrap().plus(30 * DAY);
    assert_eq!(grant.expires_at, Some(end));
    shop.live(DAY, HOUR).await;
    assert!(shop.retry(&grant.id).await.is_err());
    assert_eq!(shop.grant(&order).await.expires_at, Some(end));
    shop.advance(30 * DAY);
    shop.sweep().await;
    shop.drain().await;
    needs(b.can().withdraws, "nothing can be taken back there")?;
    b.assert_closed(&ada).await;
    Ok(())
}

pub async fn invited(b: &Bench) -> Ended {
    b.needs_reads()?;
    let (shop, ada) = (shop(b).await, b.learner());
    b.trouble(Trouble::InvitedOnly).await?;
    let order = bought(&shop, &ada).await;
    shop.live(HOUR, 10 * MINUTE).await;
    let grant = assert_needs(&shop, &order, Who::Buyer).await;
    assert_eq!(grant.activated_at, None, "invited is not enrolled");
    Ok(())
}

pub async fn restored(b: &Bench) -> Ended {
    b.needs_suspension()?;
    let (shop, ada) = (shop(b).await, b.learner());
    let first = kept(&shop, &ada).await;
    let made = shop.grant(&first).await.enrolment().map(str::to_owned);
    refund(&shop, &first).await;
    shop.drain().await;
    b.assert_closed(&ada).await;
    let second = kept(&shop, &ada).await;
    let found = shop.grant(&second).await.enrolment().map(str::to_owned);
    assert_eq!(found, made, "the same enrolment, open again");
    b.assert_count(&ada, 1).await;
    refund(&shop, &second).await;
    shop.drain().await;
    b.assert_closed(&ada).await;
    shop.finish().await;
    Ok(())
}

pub async fn suspended_by_others(b: &Bench) -> Ended {
    b.needs_reads()?;
    let (shop, ada) = (shop(b).await, b.learner());
    b.trouble(Trouble::SuspendedBefore).await?;
    let order = bought(&shop, &ada).await;
    shop.live(HOUR, 10 * MINUTE).await;
    assert_needs(&shop, &order, Who::Seller).await;
    b.assert_count(&ada, 0).await;
    Ok(())
}

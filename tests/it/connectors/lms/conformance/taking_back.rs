//! Closing an enrolment to the learner, and opening it again.

use bursar::connectors::lms::Standing;

use super::super::kind;
use super::bench::needs;
use super::{Bench, Ended};

pub async fn closes(b: &Bench) -> Ended {
    b.needs_withdrawal()?;
    let ada = b.learner();
    let made = b.enrolled(&ada).await.unwrap();
    b.withdraw(&ada, &made.id).await;
    b.assert_closed(&ada).await;
    let left = b.read(&ada).await;
    assert_eq!(
        left.is_some(),
        b.can().suspends,
        "kept where it suspends: {left:?}"
    );
    Ok(())
}

pub async fn twice(b: &Bench) -> Ended {
    b.needs_withdrawal()?;
    let ada = b.learner();
    let made = b.enrolled(&ada).await.unwrap();
    b.withdraw(&ada, &made.id).await;
    b.withdraw(&ada, &made.id).await;
    b.assert_closed(&ada).await;
    Ok(())
}

pub async fn refuses_in_words(b: &Bench) -> Ended {
    needs(!b.can().withdraws, "it can take back")?;
    let ada = b.learner();
    b.enrolled(&ada).await;
    let fault = b.lms().withdraw(&ada, b.course(), "x").await.unwrap_err();
    assert_eq!(b.class(&fault), "mapping_broken");
    Ok(())
}

pub async fn only_this_learner(b: &Bench) -> Ended {
    b.needs_withdrawal()?;
    let (ada, eve) = (b.learner(), b.platform.learner("eve"));
    let made = b.enrolled(&ada).await.unwrap();
    let hers = b.enrolled(&eve).await;
    b.withdraw(&ada, &made.id).await;
    assert_eq!(b.read(&eve).await, hers, "Eve's stays");
    Ok(())
}

pub async fn enrolled_again(b: &Bench) -> Ended {
    b.needs_withdrawal()?;
    needs(!b.can().suspends, "it restores instead")?;
    let ada = b.learner();
    let made = b.enrolled(&ada).await.unwrap();
    b.withdraw(&ada, &made.id).await;
    let again = b.enrolled(&ada).await.unwrap();
    assert_eq!((again.standing, again.rows), (Standing::Active, 1));
    b.assert_count(&ada, 1).await;
    Ok(())
}

pub async fn restores(b: &Bench) -> Ended {
    b.needs_suspension()?;
    let (lms, ada) = (b.lms(), b.learner());
    let made = b.enrolled(&ada).await.unwrap();
    b.withdraw(&ada, &made.id).await;
    lms.restore(&ada, b.course(), &made.id).await.unwrap();
    assert_eq!(
        b.read(&ada).await,
        Some(made.clone()),
        "the same, and active"
    );
    lms.restore(&ada, b.course(), &made.id).await.unwrap();
    assert_eq!(b.read(&ada).await, Some(made), "twice is once");
    b.assert_count(&ada, 1).await;
    Ok(())
}

pub async fn restores_nothing_it_cannot(b: &Bench) -> Ended {
    needs(!b.can().suspends, "it suspends")?;
    let restored = b.lms().restore(&b.learner(), b.course(), "x").await;
    assert_eq!(kind(&restored.unwrap_err()), "mapping_broken");
    Ok(())
}

//! A write whose answer is lost: its outcome is unknown, and only a read tells.

use super::super::KEY;
use super::bench::within;
use super::{Bench, Ended, Trouble};

pub async fn after_the_write(b: &Bench) -> Ended {
    lost(b, Trouble::AnswerLostAfterWrite, 1).await
}

pub async fn before_the_write(b: &Bench) -> Ended {
    lost(b, Trouble::AnswerLostBeforeWrite, 0).await
}

pub async fn never_answered(b: &Bench) -> Ended {
    lost(b, Trouble::HangAfterWrite, 1).await
}

/// The platform's own words may be anything; the row must not be there twice, whatever was lost.
pub async fn repeated(b: &Bench) -> Ended {
    b.needs_reads()?;
    let (lms, ada) = (b.lms(), b.learner());
    lms.ensure_learner(&ada).await.unwrap();
    b.trouble(Trouble::AnswerLostAfterWrite).await?;
    lms.enrol(&ada, b.course(), KEY).await.unwrap_err();
    lms.enrol(&ada, b.course(), KEY).await.unwrap();
    assert_eq!(b.read(&ada).await.map(|found| found.rows), Some(1));
    b.assert_count(&ada, 1).await;
    Ok(())
}

pub async fn deadlock(b: &Bench) -> Ended {
    let (lms, ada) = (b.lms(), b.learner());
    lms.ensure_learner(&ada).await.unwrap();
    b.trouble(Trouble::DeadlockOnce).await?;
    let fault = lms.enrol(&ada, b.course(), KEY).await.unwrap_err();
    assert!(
        ["transient", "unknown"].contains(&b.class(&fault)),
        "{fault:?}"
    );
    b.assert_count(&ada, 0).await;
    lms.enrol(&ada, b.course(), KEY).await.unwrap();
    b.assert_count(&ada, 1).await;
    Ok(())
}

async fn lost(b: &Bench, trouble: Trouble, rows: usize) -> Ended {
    let ada = b.learner();
    b.lms().ensure_learner(&ada).await.unwrap();
    b.trouble(trouble).await?;
    let lms = if trouble == Trouble::HangAfterWrite {
        b.impatient()
    } else {
        b.lms()
    };
    let fault = within(lms.enrol(&ada, b.course(), KEY)).await.unwrap_err();
    assert_eq!(b.class(&fault), "unknown", "{fault}");
    b.platform.behave().await;
    b.assert_count(&ada, rows).await;
    if b.can().reads_back {
        let read = b.read(&ada).await;
        assert_eq!(read.map_or(0, |found| found.rows), rows);
    }
    Ok(())
}

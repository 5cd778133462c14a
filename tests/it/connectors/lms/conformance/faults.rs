//! Trouble that lasts: each has one class on a read, and never reads as "not enrolled".

use std::time::Duration;

use bursar::connectors::Fault;

use super::super::KEY;
use super::bench::within;
use super::{Bench, Ended, Trouble};

/// A write that meets trouble may have been sent or not: both are tried again, after a read.
const MAY_HAVE_LEFT: &[&str] = &["transient", "unknown"];

pub async fn hang(b: &Bench) -> Ended {
    lasting(b, Trouble::Hang, "transient", MAY_HAVE_LEFT).await
}

pub async fn cut(b: &Bench) -> Ended {
    lasting(b, Trouble::CutConnection, "transient", MAY_HAVE_LEFT).await
}

/// Nothing was sent, and that is known.
pub async fn nobody_listens(b: &Bench) -> Ended {
    lasting(b, Trouble::RefusedConnection, "transient", &["transient"]).await
}

pub async fn maintenance(b: &Bench) -> Ended {
    lasting(b, Trouble::Maintenance, "transient", MAY_HAVE_LEFT).await
}

pub async fn database_down(b: &Bench) -> Ended {
    lasting(b, Trouble::DatabaseDown, "transient", MAY_HAVE_LEFT).await
}

pub async fn bad_credentials(b: &Bench) -> Ended {
    let broken = "connection_broken";
    lasting(b, Trouble::BadCredentials, broken, &[broken]).await
}

pub async fn bad_credentials_on_ping(b: &Bench) -> Ended {
    b.needs_reads()?;
    b.trouble(Trouble::BadCredentials).await?;
    let fault = b.lms().ping().await.unwrap_err();
    assert_eq!(b.class(&fault), "connection_broken", "{fault}");
    Ok(())
}

pub async fn wrong_host(b: &Bench) -> Ended {
    let broken = "connection_broken";
    lasting(b, Trouble::WrongHost, broken, &[broken, "unknown"]).await
}

pub async fn method_missing(b: &Bench) -> Ended {
    let broken = "connection_broken";
    lasting(b, Trouble::MethodMissing, broken, &[broken]).await
}

pub async fn html(b: &Bench) -> Ended {
    let broken = "connection_broken";
    lasting(b, Trouble::HtmlInsteadOfJson, broken, &[broken, "unknown"]).await
}

/// Whatever class the error inside has: it is one, on every call.
pub async fn error_inside_success(b: &Bench) -> Ended {
    b.trouble(Trouble::ErrorInsideSuccess).await?;
    let (lms, ada) = (b.impatient(), b.learner());
    if b.can().reads_back {
        let fault = lms.read_enrolment(&ada, b.course()).await.unwrap_err();
        b.class(&fault);
    }
    let fault = lms.enrol(&ada, b.course(), KEY).await.unwrap_err();
    b.class(&fault);
    b.platform.behave().await;
    b.assert_count(&ada, 0).await;
    Ok(())
}

pub async fn throttled(b: &Bench) -> Ended {
    b.trouble(Trouble::Throttled(Some(7))).await?;
    assert_eq!(pause(b).await, Some(Duration::from_secs(7)));
    Ok(())
}

pub async fn throttled_without_a_time(b: &Bench) -> Ended {
    b.trouble(Trouble::Throttled(None)).await?;
    assert_eq!(pause(b).await, None);
    Ok(())
}

/// How long both calls are told to wait.
async fn pause(b: &Bench) -> Option<Duration> {
    let (lms, ada) = (b.lms(), b.learner());
    let fault = lms.enrol(&ada, b.course(), KEY).await.unwrap_err();
    let Fault::Transient { after, .. } = &fault else {
        panic!("throttling is transient: {fault:?}");
    };
    let wrote = *after;
    b.class(&fault);
    if b.can().reads_back {
        let fault = lms.read_enrolment(&ada, b.course()).await.unwrap_err();
        let Fault::Transient { after, .. } = fault else {
            panic!("throttling is transient: {fault:?}");
        };
        assert_eq!(after, wrote);
    }
    wrote
}

/// Slow is not broken.
pub async fn slow(b: &Bench) -> Ended {
    b.trouble(Trouble::Slow(Duration::from_millis(60))).await?;
    let ada = b.learner();
    b.enrolled(&ada).await;
    b.assert_count(&ada, 1).await;
    Ok(())
}

pub async fn echoes_credentials(b: &Bench) -> Ended {
    b.trouble(Trouble::EchoesCredentials).await?;
    let (lms, ada) = (b.lms(), b.learner());
    lms.ensure_learner(&ada).await.unwrap();
    let fault = lms.enrol(&ada, b.course(), KEY).await.unwrap_err();
    b.class(&fault);
    let shown = format!("{fault:?}");
    assert!(!shown.contains(&ada.email), "{shown}");
    Ok(())
}

/// An enrolment is there; then the trouble: no read answers "none", no write succeeds, and once the
/// trouble is over everything is as it was.
async fn lasting(b: &Bench, trouble: Trouble, read: &str, write: &[&str]) -> Ended {
    let (ada, new) = (b.learner(), b.platform.learner("new"));
    let before = b.enrolled(&ada).await;
    b.lms().ensure_learner(&new).await.unwrap();
    b.trouble(trouble).await?;
    let lms = b.impatient();
    if b.can().reads_back {
        let fault = within(lms.read_enrolment(&ada, b.course()))
            .await
            .unwrap_err();
        assert_eq!(b.class(&fault), read, "the read: {fault}");
        let fault = within(lms.ensure_learner(&new)).await.unwrap_err();
        b.class(&fault);
    }
    let fault = within(lms.enrol(&new, b.course(), KEY)).await.unwrap_err();
    assert!(
        write.contains(&b.class(&fault)),
        "the write: {fault:?}, not one of {write:?}"
    );
    b.platform.behave().await;
    b.assert_count(&new, 0).await;
    if b.can().reads_back {
        assert_eq!(b.read(&ada).await, before);
    }
    Ok(())
}

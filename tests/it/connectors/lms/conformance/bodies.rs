//! Answers of the wrong size, and answers that point elsewhere.

use super::super::KEY;
use super::bench::within;
use super::trap::Trap;
use super::{Bench, Ended, Trouble};

pub async fn oversized(b: &Bench) -> Ended {
    too_long(b, Trouble::OversizedBody).await
}

pub async fn endless(b: &Bench) -> Ended {
    too_long(b, Trouble::EndlessBody).await
}

/// Never taken for an answer, however good it begins; and never waited for without end.
async fn too_long(b: &Bench, trouble: Trouble) -> Ended {
    let ada = b.learner();
    b.lms().ensure_learner(&ada).await.unwrap();
    b.trouble(trouble).await?;
    let lms = b.lms();
    if b.can().reads_back {
        let read = within(lms.read_enrolment(&ada, b.course())).await;
        let fault = read.unwrap_err();
        assert!(
            ["connection_broken", "transient"].contains(&b.class(&fault)),
            "the read: {fault:?}"
        );
    }
    let fault = within(lms.enrol(&ada, b.course(), KEY)).await.unwrap_err();
    assert!(
        ["unknown", "connection_broken", "transient"].contains(&b.class(&fault)),
        "the write: {fault:?}"
    );
    Ok(())
}

pub async fn redirected_write(b: &Bench) -> Ended {
    let (trap, ada) = (Trap::set().await, b.learner());
    b.lms().ensure_learner(&ada).await.unwrap();
    b.trouble(Trouble::RedirectOnWrite(trap.address)).await?;
    let fault = b.lms().enrol(&ada, b.course(), KEY).await.unwrap_err();
    assert_eq!(b.class(&fault), "connection_broken", "{fault}");
    assert!(
        fault.to_string().contains(&trap.address.to_string()),
        "it says where to: {fault}"
    );
    assert_eq!(trap.came(), 0, "nobody follows");
    b.platform.behave().await;
    b.assert_count(&ada, 0).await;
    Ok(())
}

pub async fn redirected_read(b: &Bench) -> Ended {
    b.needs_reads()?;
    let trap = Trap::set().await;
    // Where there is no account, some need not look for an enrolment.
    b.lms().ensure_learner(&b.learner()).await.unwrap();
    b.trouble(Trouble::RedirectOnRead(trap.address)).await?;
    let read = b.lms().read_enrolment(&b.learner(), b.course()).await;
    let fault = read.unwrap_err();
    assert_eq!(b.class(&fault), "connection_broken", "{fault}");
    assert_eq!(trap.came(), 0, "nobody follows");
    Ok(())
}

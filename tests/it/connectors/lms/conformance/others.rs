//! Enrolling, and enrolments that are not of our making.

use bursar::connectors::lms::Standing;

use super::super::KEY;
use super::bench::needs;
use super::{Bench, Ended, Trouble};

pub async fn absent(b: &Bench) -> Ended {
    b.needs_reads()?;
    let ada = b.learner();
    assert_eq!(b.read(&ada).await, None, "nobody knows her yet");
    b.lms().ensure_learner(&ada).await.unwrap();
    assert_eq!(b.read(&ada).await, None, "an account is no enrolment");
    b.assert_count(&ada, 0).await;
    Ok(())
}

pub async fn read_back(b: &Bench) -> Ended {
    let ada = b.learner();
    let lms = b.lms();
    lms.ensure_learner(&ada).await.unwrap();
    let said = lms.enrol(&ada, b.course(), KEY).await.unwrap();
    b.assert_count(&ada, 1).await;
    b.needs_reads()?;
    let read = b.read(&ada).await.unwrap();
    assert_eq!((&read.standing, read.rows), (&Standing::Active, 1));
    if let Some(said) = said {
        assert_eq!(said, read.id);
    }
    Ok(())
}

pub async fn twice(b: &Bench) -> Ended {
    let (lms, ada) = (b.lms(), b.learner());
    lms.ensure_learner(&ada).await.unwrap();
    let first = lms.enrol(&ada, b.course(), KEY).await.unwrap();
    let second = lms.enrol(&ada, b.course(), "another-key").await.unwrap();
    assert_eq!(first, second);
    b.assert_count(&ada, 1).await;
    if b.can().reads_back {
        assert_eq!(b.read(&ada).await.unwrap().rows, 1);
    }
    Ok(())
}

pub async fn the_same_later(b: &Bench) -> Ended {
    b.needs_reads()?;
    let ada = b.learner();
    let made = b.enrolled(&ada).await;
    assert_eq!(b.read(&ada).await, made, "by a connector made anew");
    Ok(())
}

pub async fn nobody_elses(b: &Bench) -> Ended {
    b.needs_reads()?;
    let (ada, eve) = (b.learner(), b.platform.learner("eve"));
    b.enrolled(&eve).await;
    b.lms().ensure_learner(&ada).await.unwrap();
    assert_eq!(b.read(&ada).await, None, "Eve's is not hers");
    let elsewhere = b.lms();
    let other = elsewhere
        .read_enrolment(&eve, b.platform.other_course())
        .await;
    assert_eq!(other, Ok(None), "one course is not the other");
    Ok(())
}

pub async fn two_courses(b: &Bench) -> Ended {
    let (lms, ada) = (b.lms(), b.learner());
    b.enrolled(&ada).await;
    let other = b.platform.other_course();
    lms.enrol(&ada, other, KEY).await.unwrap();
    b.assert_count(&ada, 1).await;
    b.needs_withdrawal()?;
    let first = b.read(&ada).await.unwrap();
    b.withdraw(&ada, &first.id).await;
    let second = lms.read_enrolment(&ada, other).await.unwrap();
    assert_eq!(
        second.map(|found| found.standing),
        Some(Standing::Active),
        "the other stays"
    );
    Ok(())
}

pub async fn there_before(b: &Bench) -> Ended {
    b.needs_reads()?;
    b.trouble(Trouble::EnrolledBefore).await?;
    let (lms, ada) = (b.lms(), b.learner());
    let before = b.read(&ada).await;
    assert!(before.is_some(), "it is found");
    assert!(!lms.ensure_learner(&ada).await.unwrap().created);
    lms.enrol(&ada, b.course(), KEY).await.unwrap();
    assert_eq!(b.read(&ada).await, before, "a write changes nothing of it");
    b.assert_count(&ada, 1).await;
    Ok(())
}

pub async fn duplicates(b: &Bench) -> Ended {
    b.needs_reads()?;
    b.trouble(Trouble::DuplicateRow).await?;
    let ada = b.learner();
    let found = b.read(&ada).await.unwrap();
    assert_eq!(found.rows, 2, "both are reported");
    assert_eq!(b.read(&ada).await, Some(found), "always by the same id");
    Ok(())
}

pub async fn suspended_before(b: &Bench) -> Ended {
    b.needs_reads()?;
    b.trouble(Trouble::SuspendedBefore).await?;
    let found = b.read(&b.learner()).await.unwrap();
    assert_eq!(found.standing, Standing::Suspended);
    b.assert_count(&b.learner(), 0).await;
    Ok(())
}

pub async fn invited(b: &Bench) -> Ended {
    b.needs_reads()?;
    b.trouble(Trouble::InvitedOnly).await?;
    let found = b.enrolled(&b.learner()).await.unwrap();
    let Standing::Invited { link } = found.standing else {
        panic!("an invitation is no enrolment: {found:?}");
    };
    if let Some(link) = link {
        assert!(
            link.starts_with("https://") || link.starts_with("http://"),
            "{link}"
        );
    }
    Ok(())
}

/// The end is somebody's decision on the platform: writing again neither moves nor lifts it.
pub async fn end_stays(b: &Bench) -> Ended {
    let (lms, ada) = (b.lms(), b.learner());
    b.enrolled(&ada).await;
    b.trouble(Trouble::EndSetByHand).await?;
    let end = b.platform.end_of(&ada, b.course()).await;
    needs(end.is_some(), "it knows no end")?;
    lms.enrol(&ada, b.course(), KEY).await.unwrap();
    lms.enrol(&ada, b.course(), "another-key").await.unwrap();
    assert_eq!(b.platform.end_of(&ada, b.course()).await, end);
    Ok(())
}

/// What we write has no end of its own: our schedule ends it.
pub async fn written_without_an_end(b: &Bench) -> Ended {
    let ada = b.learner();
    b.enrolled(&ada).await;
    let written = b.platform.end_of(&ada, b.course()).await;
    // Where there can be none, that it is absent says nothing.
    b.trouble(Trouble::EndSetByHand).await?;
    assert_eq!(written, None);
    assert!(b.platform.end_of(&ada, b.course()).await.is_some());
    Ok(())
}

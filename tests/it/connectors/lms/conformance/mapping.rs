//! What a first connection proves: address, credentials, rights and courses.

use super::super::KEY;
use super::bench::needs;
use super::{Bench, Ended, Trouble};

pub async fn ping(b: &Bench) -> Ended {
    assert!(!b.lms().ping().await.unwrap().is_empty());
    Ok(())
}

pub async fn rights(b: &Bench) -> Ended {
    assert_eq!(b.lms().missing_rights().await, Ok(Vec::new()));
    Ok(())
}

pub async fn finds_courses(b: &Bench) -> Ended {
    let lms = b.lms();
    for course in [b.course(), b.platform.other_course()] {
        let found = lms.find_course(course).await.unwrap();
        assert!(found.is_some_and(|found| !found.id.is_empty()), "{course}");
    }
    Ok(())
}

pub async fn unknown_course(b: &Bench) -> Ended {
    needs(
        b.can().reads_back,
        "it takes every id, and asks only when it enrols",
    )?;
    let (lms, unknown) = (b.lms(), b.platform.unknown_course());
    assert_eq!(lms.find_course(unknown).await, Ok(None));
    Ok(())
}

pub async fn enrols_in_no_unknown_course(b: &Bench) -> Ended {
    let (lms, ada) = (b.lms(), b.learner());
    lms.ensure_learner(&ada).await.unwrap();
    let unknown = b.platform.unknown_course();
    let fault = lms.enrol(&ada, unknown, KEY).await.unwrap_err();
    assert_eq!(b.class(&fault), "mapping_broken", "{fault}");
    Ok(())
}

pub async fn lists_courses(b: &Bench) -> Ended {
    needs(b.can().lists_courses, "it lists no courses")?;
    let lms = b.lms();
    let all = lms.list_courses(1000).await.unwrap();
    for course in [b.course(), b.platform.other_course()] {
        let found = lms.find_course(course).await.unwrap().unwrap();
        assert!(
            all.iter().any(|listed| listed.id == found.id),
            "{course} in {all:?}"
        );
    }
    assert_eq!(
        lms.list_courses(1).await.unwrap().len(),
        1,
        "the limit holds"
    );
    Ok(())
}

pub async fn closed_course(b: &Bench) -> Ended {
    b.trouble(Trouble::CourseClosed).await?;
    refused_for_good(b, &["mapping_broken"]).await
}

pub async fn no_seats(b: &Bench) -> Ended {
    b.trouble(Trouble::SeatsUsedUp).await?;
    refused_for_good(b, &["mapping_broken", "connection_broken"]).await
}

pub async fn reads_look_empty(b: &Bench) -> Ended {
    b.trouble(Trouble::RightMissingReadsLookEmpty).await?;
    match b.lms().missing_rights().await {
        Ok(missing) => assert!(!missing.is_empty(), "the canary notices"),
        Err(fault) => assert_eq!(b.class(&fault), "connection_broken", "{fault}"),
    }
    Ok(())
}

pub async fn writes_refused(b: &Bench) -> Ended {
    b.trouble(Trouble::RightMissingWritesRefused).await?;
    refused_for_good(b, &["connection_broken"]).await
}

/// By the account or by the write, in one of these classes; and nothing was written.
async fn refused_for_good(b: &Bench, classes: &[&str]) -> Ended {
    let (lms, ada) = (b.lms(), b.learner());
    let fault = match lms.ensure_learner(&ada).await {
        Err(fault) => fault,
        Ok(_) => lms.enrol(&ada, b.course(), KEY).await.unwrap_err(),
    };
    assert!(classes.contains(&b.class(&fault)), "{fault:?}");
    b.platform.behave().await;
    b.assert_count(&ada, 0).await;
    Ok(())
}

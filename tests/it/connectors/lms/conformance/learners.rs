//! Accounts: found or made, once, for whoever buys.

use bursar::connectors::lms::Learner;

use super::bench::needs;
use super::{Bench, Ended, Trouble};

pub async fn twice(b: &Bench) -> Ended {
    let (lms, ada) = (b.lms(), b.learner());
    let first = lms.ensure_learner(&ada).await.unwrap();
    let second = lms.ensure_learner(&ada).await.unwrap();
    assert_eq!(first.id, second.id);
    assert!(!second.created, "the second call made none");
    Ok(())
}

/// Some of six may lose the race; none may leave a second account or fail for good.
pub async fn six_at_once(b: &Bench) -> Ended {
    let (lms, ada) = (b.lms(), b.learner());
    let six = futures_util::future::join_all((0..6).map(|_| lms.ensure_learner(&ada))).await;
    let settled = lms.ensure_learner(&ada).await.unwrap();
    for one in six {
        match one {
            Ok(found) => assert_eq!(found.id, settled.id),
            Err(fault) => assert!(
                ["transient", "unknown"].contains(&b.class(&fault)),
                "{fault:?}"
            ),
        }
    }
    Ok(())
}

pub async fn letter_case(b: &Bench) -> Ended {
    let (lms, ada) = (b.lms(), b.learner());
    let lower = lms.ensure_learner(&ada).await.unwrap();
    let shouted = Learner {
        email: ada.email.to_uppercase(),
        ..ada.clone()
    };
    let upper = lms.ensure_learner(&shouted).await.unwrap();
    assert_eq!((upper.id, upper.created), (lower.id, false));
    b.enrolled(&ada).await;
    if b.can().reads_back {
        assert_eq!(b.read(&shouted).await, b.read(&ada).await);
    }
    Ok(())
}

pub async fn nameless(b: &Bench) -> Ended {
    let nameless = Learner {
        name: String::new(),
        ..b.learner()
    };
    b.enrolled(&nameless).await;
    b.assert_count(&nameless, 1).await;
    Ok(())
}

pub async fn odd_name(b: &Bench) -> Ended {
    let odd = Learner {
        name: "Nguyễn \"Văn\" <b>An</b> & Sons \\ 李\u{7}".to_owned(),
        ..b.learner()
    };
    b.enrolled(&odd).await;
    b.assert_count(&odd, 1).await;
    Ok(())
}

pub async fn long_name(b: &Bench) -> Ended {
    let long = Learner {
        name: "Công Tằng Tôn Nữ ".repeat(40),
        ..b.learner()
    };
    b.enrolled(&long).await;
    b.assert_count(&long, 1).await;
    Ok(())
}

pub async fn disabled(b: &Bench) -> Ended {
    b.needs_reads()?;
    b.trouble(Trouble::LearnerDisabled).await?;
    let fault = b.lms().ensure_learner(&b.learner()).await.unwrap_err();
    assert_eq!(b.class(&fault), "learner_problem", "{fault}");
    b.assert_count(&b.learner(), 0).await;
    Ok(())
}

pub async fn refused(b: &Bench) -> Ended {
    b.trouble(Trouble::AddressRefused).await?;
    let (lms, ada) = (b.lms(), b.learner());
    let fault = match lms.ensure_learner(&ada).await {
        Err(fault) => fault,
        // Where there are no accounts, the enrolment itself is refused.
        Ok(_) => lms.enrol(&ada, b.course(), "gra_1").await.unwrap_err(),
    };
    assert_eq!(b.class(&fault), "learner_problem", "{fault}");
    Ok(())
}

pub async fn moved(b: &Bench) -> Ended {
    b.needs_withdrawal()?;
    let (ada, moved) = (b.learner(), b.platform.learner("moved"));
    let made = b.enrolled(&ada).await.unwrap();
    b.trouble(Trouble::AddressChanged).await?;
    let found = b.read(&moved).await;
    assert_eq!(
        found.map(|found| found.id).as_ref(),
        Some(&made.id),
        "the id stays"
    );
    needs(b.can().withdraws, "nothing can be taken back there")?;
    b.withdraw(&ada, &made.id).await;
    b.assert_closed(&moved).await;
    Ok(())
}

//! Where a case works: its platform, connectors to it, and the claims that all cases share.

use std::sync::Arc;
use std::time::Duration;

use bursar::connectors::Fault;
use bursar::connectors::http::Limits;
use bursar::connectors::lms::{Capabilities, Enrolment, Learner, Lms, Standing, connect_within};

use super::super::{IMPATIENT, KEY, kind};
use super::{Platform, Trouble};

/// What a case ends with; a claim that does not hold panics.
pub type Ended = Result<(), Skip>;

/// Why a case was not run.
#[derive(Debug)]
pub enum Skip {
    /// This platform cannot be brought into the state.
    CannotBeHad(String),
    /// The connector says that it cannot do this.
    NotApplicable(String),
}

pub struct Bench {
    pub platform: Box<dyn Platform>,
}

impl Bench {
    pub fn new(platform: Box<dyn Platform>) -> Self {
        assert_eq!(platform.connection().kind, platform.kind());
        Self { platform }
    }

    /// A patient connector to the platform as it is now.
    pub fn lms(&self) -> Arc<dyn Lms> {
        connect_within(&self.platform.connection(), Limits::default()).unwrap()
    }

    /// One that waits in vain only for a moment.
    pub fn impatient(&self) -> Arc<dyn Lms> {
        let limits = Limits {
            connect: self.platform.patience(),
            total: self.platform.patience(),
            ..IMPATIENT
        };
        connect_within(&self.platform.connection(), limits).unwrap()
    }

    pub fn can(&self) -> Capabilities {
        self.lms().capabilities()
    }

    pub fn course(&self) -> &str {
        self.platform.course()
    }

    pub fn learner(&self) -> Learner {
        self.platform.learner("ada")
    }

    /// The case ends here where this cannot be had.
    pub async fn trouble(&self, trouble: Trouble) -> Ended {
        self.trouble_for(trouble, &self.learner()).await
    }

    pub async fn trouble_for(&self, trouble: Trouble, learner: &Learner) -> Ended {
        let arranged = self.platform.misbehave(trouble, learner).await;
        arranged.map_err(|why| Skip::CannotBeHad(why.to_owned()))
    }

    /// For whatever looks for an enrolment.
    pub fn needs_reads(&self) -> Ended {
        needs(self.can().reads_back, "nothing can be read there")
    }

    pub fn needs_withdrawal(&self) -> Ended {
        self.needs_reads()?;
        needs(self.can().withdraws, "nothing can be taken back there")
    }

    pub fn needs_suspension(&self) -> Ended {
        self.needs_withdrawal()?;
        needs(self.can().suspends, "it knows no suspension")
    }

    /// Read, account, write, read back: the pipeline's order. Panics when it cannot be had.
    pub async fn enrolled(&self, learner: &Learner) -> Option<Enrolment> {
        let lms = self.lms();
        if let Some(found) = lms.read_enrolment(learner, self.course()).await.unwrap() {
            return Some(found);
        }
        lms.ensure_learner(learner).await.unwrap();
        lms.enrol(learner, self.course(), KEY).await.unwrap();
        let read = lms.read_enrolment(learner, self.course()).await.unwrap();
        assert_eq!(read.is_some(), self.can().reads_back, "read back");
        read
    }

    /// What is read now.
    pub async fn read(&self, learner: &Learner) -> Option<Enrolment> {
        let lms = self.lms();
        lms.read_enrolment(learner, self.course()).await.unwrap()
    }

    pub async fn withdraw(&self, learner: &Learner, id: &str) {
        let lms = self.lms();
        lms.withdraw(learner, self.course(), id).await.unwrap();
    }

    /// As the platform counts, where it can be known.
    pub async fn assert_count(&self, learner: &Learner, rows: usize) {
        if let Some(found) = self.platform.count(learner, self.course()).await {
            assert_eq!(found, rows, "enrolments on the platform");
        }
    }

    /// Closed to the learner: none, or a suspended one.
    pub async fn assert_closed(&self, learner: &Learner) {
        let read = self.read(learner).await;
        let open = read.filter(|found| found.standing != Standing::Suspended);
        assert_eq!(open, None, "what is still open");
        self.assert_count(learner, 0).await;
    }

    /// Its class, once it is found fit to show.
    pub fn class(&self, fault: &Fault) -> &'static str {
        self.assert_fit(fault);
        kind(fault)
    }

    /// A sentence for the seller: no secret, no address, nothing of the platform's inside.
    fn assert_fit(&self, fault: &Fault) {
        let why = fault.to_string();
        assert!(!why.is_empty() && why.chars().count() <= 300, "{why}");
        let connection = self.platform.connection();
        let confirm = connection
            .confirm
            .as_ref()
            .and_then(|c| c.credential.clone());
        let moodle = connection.moodle.and_then(|m| m.token);
        let canvas = connection.canvas.and_then(|c| c.token);
        let secrets = [
            connection.api_key,
            connection.api_secret,
            confirm,
            moodle,
            canvas,
        ];
        for secret in secrets.iter().flatten() {
            let secret = secret.expose();
            assert!(
                secret.len() < 6 || !why.contains(secret),
                "a secret in {why:?}"
            );
        }
        let address = self.learner().email;
        for inside in [
            address.as_str(),
            "Traceback",
            "Stack trace",
            "<",
            ".py",
            ".php",
        ] {
            assert!(!why.contains(inside), "{inside:?} in {why:?}");
        }
    }
}

pub fn needs(holds: bool, why: &str) -> Ended {
    if holds {
        Ok(())
    } else {
        Err(Skip::NotApplicable(why.to_owned()))
    }
}

/// For the trouble that lasts: what one of these calls came to, in time.
pub async fn within<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), call)
        .await
        .expect("an answer, or a fault, in time")
}

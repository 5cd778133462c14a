//! A platform in memory, for the stories around one: it suspends and restores, invites where it is told
//! to, and can do what it is asked and lose the answer.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bursar::connectors::Fault;
use bursar::connectors::lms::{
    Capabilities, Enrolment, Learner, LearnerRef, Lms, RemoteCourse, Standing,
};

#[derive(Default)]
pub struct Academy(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    rows: BTreeMap<String, Enrolment>,
    invites: bool,
    loses: usize,
    calls: Vec<&'static str>,
}

/// Where an invitation of it is accepted.
pub const INVITATION: &str = "https://academy.example/invitations/1";

impl Academy {
    fn with<T>(&self, step: impl FnOnce(&mut Inside) -> T) -> T {
        step(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on everybody is invited, or nobody.
    pub fn invites(&self, invites: bool) {
        self.with(|inside| inside.invites = invites);
    }

    /// So many of the next writes are done, and their answers lost.
    pub fn loses_answers(&self, count: usize) {
        self.with(|inside| inside.loses = count);
    }

    /// By hand: how this learner's enrolment stands from now on; there is one afterwards.
    pub fn set(&self, email: &str, standing: Standing) {
        self.with(|inside| {
            let row = inside
                .rows
                .entry(email.to_owned())
                .or_insert_with(|| Enrolment {
                    id: format!("by-hand-{email}"),
                    standing: Standing::Active,
                    rows: 1,
                });
            row.standing = standing;
        });
    }

    pub fn standing(&self, email: &str) -> Option<Standing> {
        self.with(|inside| inside.rows.get(email).map(|row| row.standing.clone()))
    }

    /// How often `enrol`, `restore` or `withdraw` was called.
    pub fn calls(&self, word: &str) -> usize {
        self.with(|inside| inside.calls.iter().filter(|call| **call == word).count())
    }

    /// Do it, note it, and perhaps lose the answer.
    fn write<T>(
        &self,
        word: &'static str,
        step: impl FnOnce(&mut Inside) -> T,
    ) -> Result<T, Fault> {
        self.with(|inside| {
            inside.calls.push(word);
            let done = step(inside);
            if inside.loses > 0 {
                inside.loses -= 1;
                return Err(Fault::Unknown {
                    why: "the answer was lost".to_owned(),
                });
            }
            Ok(done)
        })
    }
}

#[async_trait]
impl Lms for Academy {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reads_back: true,
            repeat_is_safe: true,
            withdraws: true,
            suspends: true,
            lists_courses: false,
        }
    }

    async fn ping(&self) -> Result<String, Fault> {
        Ok("an academy in memory".to_owned())
    }

    async fn find_course(&self, course: &str) -> Result<Option<RemoteCourse>, Fault> {
        Ok(Some(RemoteCourse {
            id: course.to_owned(),
            title: course.to_owned(),
        }))
    }

    async fn ensure_learner(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        Ok(LearnerRef {
            id: learner.email.clone(),
            created: false,
        })
    }

    async fn read_enrolment(
        &self,
        learner: &Learner,
        _course: &str,
    ) -> Result<Option<Enrolment>, Fault> {
        Ok(self.with(|inside| inside.rows.get(&learner.email).cloned()))
    }

    async fn enrol(
        &self,
        learner: &Learner,
        _course: &str,
        key: &str,
    ) -> Result<Option<String>, Fault> {
        self.write("enrol", |inside| {
            let standing = if inside.invites {
                Standing::Invited {
                    link: Some(INVITATION.to_owned()),
                }
            } else {
                Standing::Active
            };
            let made = Enrolment {
                id: format!("made-{key}"),
                standing,
                rows: 1,
            };
            let row = inside.rows.entry(learner.email.clone()).or_insert(made);
            Some(row.id.clone())
        })
    }

    async fn restore(&self, learner: &Learner, _course: &str, id: &str) -> Result<(), Fault> {
        self.write("restore", |inside| {
            stand(inside, learner, id, &Standing::Active);
        })
    }

    async fn withdraw(&self, learner: &Learner, _course: &str, id: &str) -> Result<(), Fault> {
        self.write("withdraw", |inside| {
            stand(inside, learner, id, &Standing::Suspended);
        })
    }
}

fn stand(inside: &mut Inside, learner: &Learner, id: &str, standing: &Standing) {
    if let Some(row) = inside.rows.get_mut(&learner.email)
        && row.id == id
    {
        row.standing = standing.clone();
    }
}

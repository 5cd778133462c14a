//! A FAKE connector that reaches nothing: it remembers in this process's memory and answers at
//! once. For measuring everything around an LMS; never for selling.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::connectors::Fault;
use crate::connectors::lms::{
    Capabilities, Enrolment, Learner, LearnerRef, Lms, RemoteCourse, Standing,
};

/// Registered as kind `fake`.
#[derive(Debug, Default)]
pub struct Instant(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    learners: HashSet<String>,
    enrolments: HashMap<(String, String), String>,
}

impl Instant {
    fn with<T>(&self, step: impl FnOnce(&mut Memory) -> T) -> T {
        step(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn place(learner: &Learner, course: &str) -> (String, String) {
    (learner.email.to_lowercase(), course.to_owned())
}

#[async_trait]
impl Lms for Instant {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reads_back: true,
            repeat_is_safe: true,
            withdraws: true,
            suspends: false,
            lists_courses: false,
        }
    }

    async fn ping(&self) -> Result<String, Fault> {
        Ok("a fake in this process's memory, not an LMS".to_owned())
    }

    async fn find_course(&self, course: &str) -> Result<Option<RemoteCourse>, Fault> {
        Ok(Some(RemoteCourse {
            id: course.to_owned(),
            title: course.to_owned(),
        }))
    }

    async fn ensure_learner(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        let id = learner.email.to_lowercase();
        let created = self.with(|memory| memory.learners.insert(id.clone()));
        Ok(LearnerRef { id, created })
    }

    async fn read_enrolment(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<Enrolment>, Fault> {
        let id = self.with(|memory| memory.enrolments.get(&place(learner, course)).cloned());
        Ok(id.map(|id| Enrolment {
            id,
            standing: Standing::Active,
            rows: 1,
        }))
    }

    async fn enrol(
        &self,
        learner: &Learner,
        course: &str,
        key: &str,
    ) -> Result<Option<String>, Fault> {
        Ok(Some(self.with(|memory| {
            let entry = memory.enrolments.entry(place(learner, course));
            entry.or_insert_with(|| format!("fake-{key}")).clone()
        })))
    }

    async fn withdraw(
        &self,
        learner: &Learner,
        course: &str,
        _enrolment: &str,
    ) -> Result<(), Fault> {
        self.with(|memory| memory.enrolments.remove(&place(learner, course)));
        Ok(())
    }
}

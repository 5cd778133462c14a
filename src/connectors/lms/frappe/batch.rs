//! Batches: a row in a batch brings a row in each of its courses, marked with the batch's name. Source:
//! the LMS app's `lms_batch_enrollment.py` (2.x), `validate_course_enrollment`.

use super::Frappe;
use super::wire::{EnrolmentRow, ProgressRow, Target};
use crate::connectors::Fault;
use crate::connectors::lms::Learner;

/// A course row that a batch brought names it here.
const BROUGHT_BY: &str = "enrollment_from_batch";

impl Frappe {
    /// Whose row of a batch this is: the account may have another address by now.
    pub(super) async fn holder(&self, row: &str, learner: &Learner) -> Result<Learner, Fault> {
        let fields = ["name", "member", "batch", "creation"];
        let filters = [("name", row)];
        let rows: Vec<EnrolmentRow> = self.list("LMS Batch Enrollment", &fields, &filters).await?;
        let holder = rows.into_iter().find(|found| found.name == row);
        Ok(holder.map_or_else(
            || learner.clone(),
            |found| Learner {
                email: found.member,
                name: String::new(),
            },
        ))
    }

    /// The rows of courses that go with this enrolment: its own, or those that the batch brought. A
    /// course that the learner had before the batch is not among them.
    pub(super) async fn progress(
        &self,
        learner: &Learner,
        target: Target<'_>,
    ) -> Result<Vec<ProgressRow>, Fault> {
        let email = learner.email.to_lowercase();
        let by = match target {
            Target::Course(_) => target.field(),
            Target::Batch(_) => BROUGHT_BY,
        };
        let filters = [("member", email.as_str()), (by, target.id())];
        let rows = self
            .list("LMS Enrollment", ProgressRow::FIELDS, &filters)
            .await;
        match (rows, target) {
            // Older versions of the app have no such field, and nothing else tells.
            (Err(Fault::ConnectionBroken { why }), Target::Batch(_)) => Err(Fault::MappingBroken {
                why: format!(
                    "This version of the LMS does not say which courses a batch brought: remove \
                     the learner from the batch and its courses by hand. {why}"
                )
                .chars()
                .take(300)
                .collect(),
            }),
            (rows, _) => rows,
        }
    }
}

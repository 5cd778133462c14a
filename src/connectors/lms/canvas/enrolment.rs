//! Courses and enrolments: how the catalogue names a course, and which rows let somebody study.

use super::super::{Enrolment, RemoteCourse, Standing, escaped};
use super::Canvas;
use super::verdict::Verdict;
use super::wire::{Course, EnrolmentRow, NewEnrolment, Seat};
use crate::connectors::Fault;

const STUDENT: &str = "StudentEnrollment";

/// The states in which an enrolment is there. Ended, refused and deleted ones are not: a new write
/// puts them back.
const THERE: [&str; 4] = ["active", "invited", "creation_pending", "inactive"];

/// How the catalogue names a course: digits are Canvas's number, all else is the seller's own SIS id,
/// which stays the same on a test site.
pub(super) fn course_id(course: &str) -> String {
    let course = course.trim();
    let is_number = !course.is_empty() && course.bytes().all(|b| b.is_ascii_digit());
    if is_number || course.starts_with("sis_course_id:") {
        course.to_owned()
    } else {
        format!("sis_course_id:{course}")
    }
}

/// Where the learner studies; Canvas's pages take both names.
pub(in super::super) fn page(base: &str, course: &str) -> String {
    format!("{base}/courses/{}", escaped(&course_id(course)))
}

/// A course in which a learner could study.
pub(super) fn open(course: Course) -> Result<Option<RemoteCourse>, Fault> {
    match course.workflow_state.as_deref() {
        Some("deleted") => Ok(None),
        Some("completed") => Err(Fault::MappingBroken {
            why: "The course is concluded in the LMS: nobody can be enrolled in it.".to_owned(),
        }),
        Some("unpublished" | "created" | "claimed") => Err(Fault::MappingBroken {
            why: "The course is not published in the LMS: learners could not enter it.".to_owned(),
        }),
        _ => Ok(Some(course.into())),
    }
}

impl From<Course> for RemoteCourse {
    fn from(course: Course) -> Self {
        Self {
            id: course.id,
            title: course.name.unwrap_or_default(),
        }
    }
}

/// Active at once, and no letter: Bursar writes its own.
pub(super) fn seat(user: &str) -> NewEnrolment<'_> {
    NewEnrolment {
        enrollment: Seat {
            user_id: user,
            role: STUDENT,
            enrollment_state: "active",
            notify: false,
        },
    }
}

impl Canvas {
    /// Rows of this learner as a student of this course; of several sections there may be several.
    pub(super) async fn enrolments(
        &self,
        user: &str,
        course: &str,
    ) -> Result<Vec<EnrolmentRow>, Verdict> {
        let mut url = self.url(&["courses", &course_id(course), "enrollments"]);
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("user_id", user)
                .append_pair("type[]", STUDENT)
                .append_pair("per_page", "100");
            for state in THERE {
                query.append_pair("state[]", state);
            }
        }
        let mut rows: Vec<EnrolmentRow> = self.list(url, usize::MAX).await?;
        // Checked again here, so that a server that overlooks our filters cannot grant anything.
        rows.retain(|row| {
            let is_student = row.role.as_deref().is_none_or(|role| role == STUDENT);
            row.user_id == user && is_student && THERE.contains(&row.enrollment_state.as_str())
        });
        Ok(rows)
    }

    /// The best of them, the oldest of these.
    pub(super) fn as_enrolment(&self, rows: &[EnrolmentRow], course: &str) -> Option<Enrolment> {
        let best = rows
            .iter()
            .min_by_key(|row| (rank(row), row.id.len(), &row.id))?;
        let standing = match rank(best) {
            0 => Standing::Active,
            1 => Standing::Invited {
                link: Some(page(self.base.as_str().trim_end_matches('/'), course)),
            },
            _ => Standing::Suspended,
        };
        Some(Enrolment {
            id: best.id.clone(),
            standing,
            rows: rows.len(),
        })
    }
}

fn rank(row: &EnrolmentRow) -> u8 {
    match row.enrollment_state.as_str() {
        "active" => 0,
        "invited" | "creation_pending" => 1,
        _ => 2,
    }
}

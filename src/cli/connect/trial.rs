//! Whether a connection works, found out without changing anything on the platform.

use super::Mapped;
use crate::cli::doctor::{self, Findings};
use crate::connectors::lms::{Lms, RemoteCourse};

/// Courses shown to choose from.
const SHOWN: usize = 50;

/// As `doctor` does, and every course that is mapped.
pub(super) async fn examine(
    name: &str,
    lms: &dyn Lms,
    courses: &[Mapped],
    findings: &mut Findings,
) {
    doctor::connection(name, lms, findings).await;
    if findings.wrong > 0 {
        // All else would fail in the same words.
        return;
    }
    for mapped in courses {
        find(lms, mapped, findings).await;
    }
}

/// The course is where the catalogue says.
pub(super) async fn find(lms: &dyn Lms, mapped: &Mapped, findings: &mut Findings) {
    let found = lms.find_course(&mapped.course).await;
    let found = found.map_err(|fault| fault.to_string()).and_then(|found| {
        found.ok_or_else(|| format!("the platform has no course {}", mapped.course))
    });
    let named = found.map(|remote| format!("{} {}", remote.id, remote.title));
    findings.note(&format!("course {}", mapped.slug), named);
}

/// Courses to choose from, where the platform lists them.
pub(super) async fn listed(lms: &dyn Lms, findings: &mut Findings) -> Vec<RemoteCourse> {
    if !lms.capabilities().lists_courses {
        return Vec::new();
    }
    match lms.list_courses(SHOWN).await {
        Ok(courses) => {
            findings.note(
                "courses",
                Ok::<_, &str>(format!("{} listed", courses.len())),
            );
            courses
        }
        Err(fault) => {
            findings.note("courses", Err::<&str, _>(fault));
            Vec::new()
        }
    }
}

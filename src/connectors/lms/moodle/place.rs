//! The id of an enrolment. Moodle's calls show none, but its database allows one manual enrolment of a
//! user in a course: the two numbers name it.

use std::fmt;
use std::str::FromStr;

use super::course::Course;

/// Who, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub user: u64,
    pub course: u64,
}

impl Place {
    pub fn new(user: u64, course: &Course) -> Self {
        Self {
            user,
            course: course.id,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {} in course {}", self.user, self.course)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers = text.strip_prefix("user ").ok_or(())?;
        let (user, course) = numbers.split_once(" in course ").ok_or(())?;
        Ok(Self {
            user: user.parse().map_err(|_| ())?,
            course: course.parse().map_err(|_| ())?,
        })
    }
}

//! Courses: how the catalogue names one, and how somebody stands in it.

use serde_json::Value;

use super::super::{RemoteCourse, Standing, escaped};
use super::Moodle;
use super::verdict::{Call, Verdict, not_json};
use super::wire::{CourseRow, Courses, Form, Row, single};
use crate::connectors::Fault;
use crate::connectors::http::Limits;

/// The site itself is course 1; nobody is enrolled in it.
const FRONT_PAGE: u64 = 1;
/// Rows asked for at once.
const PAGE: usize = 1000;
/// So many suspended learners in one course are more than a shop has: something else is wrong.
const MOST_PAGES: usize = 100;
/// A list of all courses carries their summaries.
const LISTING_BYTES: usize = 16 * 1024 * 1024;

/// A course that is there.
#[derive(Debug)]
pub(super) struct Course {
    pub id: u64,
    title: String,
    is_visible: bool,
    takes_manual: bool,
}

impl Course {
    pub fn takes_manual_enrolments(&self) -> Result<(), Fault> {
        if self.takes_manual {
            return Ok(());
        }
        Err(Fault::MappingBroken {
            why:
                "This course has no manual enrolment, or it is switched off: add the method in the \
                  course."
                    .to_owned(),
        })
    }
}

impl From<Course> for RemoteCourse {
    fn from(course: Course) -> Self {
        Self {
            id: course.id.to_string(),
            title: course.title,
        }
    }
}

impl TryFrom<CourseRow> for Course {
    type Error = Fault;

    /// Where the list of methods is not sent, the enrolment itself will tell.
    fn try_from(row: CourseRow) -> Result<Self, Fault> {
        let Some(is_visible) = row.visible else {
            return Err(Fault::MappingBroken {
                why: "The token's user may not enter this course: it needs moodle/course:view."
                    .to_owned(),
            });
        };
        let methods = row.enrollmentmethods;
        Ok(Self {
            id: row.id,
            title: row.fullname,
            is_visible,
            takes_manual: methods.is_none_or(|all| all.iter().any(|method| method == "manual")),
        })
    }
}

/// How the catalogue names a course: digits are its number, as in its page's address;
/// `shortname:NAME` its short name; all else its ID number, which is the seller's own key, also as
/// `idnumber:KEY` for a key of digits only.
fn reading(course: &str) -> (&'static str, &str) {
    let course = course.trim();
    let prefixed = ["idnumber", "shortname"].into_iter().find_map(|field| {
        let rest = course.strip_prefix(field)?.strip_prefix(':')?;
        Some((field, rest))
    });
    match prefixed {
        Some(named) => named,
        None if is_number(course) => ("id", course),
        None => ("idnumber", course),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Where the learner studies; Moodle's page takes all three names.
pub(in super::super) fn page(base: &str, course: &str) -> String {
    let (field, value) = reading(course);
    let parameter = match field {
        "shortname" => "name",
        other => other,
    };
    let value = escaped(value);
    format!("{base}/course/view.php?{parameter}={value}")
}

impl Moodle {
    pub(super) async fn course(&self, course: &str) -> Result<Option<Course>, Fault> {
        let (field, value) = reading(course);
        self.course_by(field, value).await
    }

    /// An ID number may be given to several courses, and then says nothing.
    pub(super) async fn course_by(
        &self,
        field: &str,
        value: &str,
    ) -> Result<Option<Course>, Fault> {
        let form = vec![
            ("field".to_owned(), field.to_owned()),
            ("value".to_owned(), value.to_owned()),
        ];
        let found: Courses = match self.ask(Call::FindCourse, form).await {
            Ok(found) => found,
            // A number that no course can have.
            Err(Verdict::Refused(_)) => return Ok(None),
            Err(verdict) => return Err(verdict.settled()),
        };
        let mut rows: Vec<CourseRow> = found
            .courses
            .into_iter()
            .filter(|row| row.id != FRONT_PAGE && row.is_called(field, value))
            .collect();
        if rows.len() > 1 {
            return Err(Fault::MappingBroken {
                why: format!(
                    "{} courses of the LMS have this {field}: name one by its number.",
                    rows.len()
                ),
            });
        }
        rows.pop().map(Course::try_from).transpose()
    }

    /// Those that we may enter and enrol in.
    pub(super) async fn all_courses(&self) -> Result<Vec<Course>, Fault> {
        let limits = Limits {
            body: self.limits.body.max(LISTING_BYTES),
            ..self.limits
        };
        let answer = self.call(Call::FindCourse, Form::new(), limits).await;
        let found: Courses = serde_json::from_value(answer.map_err(Verdict::settled)?)
            .map_err(|_| not_json(Call::FindCourse))?;
        let rows = found.courses.into_iter();
        Ok(rows
            .filter(|row| row.id != FRONT_PAGE)
            .filter_map(|row| Course::try_from(row).ok())
            .filter(|course| course.takes_manual)
            .collect())
    }

    /// `core_enrol_get_users_courses` is quick, but leaves out suspended enrolments, ended ones, and
    /// all in hidden courses. The list of participants shows those, and says so where we may not see
    /// them. An enrolment whose end has passed counts as suspended.
    pub(super) async fn standing(
        &self,
        user: u64,
        course: &Course,
    ) -> Result<Option<Standing>, Fault> {
        let is_active = if course.is_visible {
            self.studies(user, course).await?
        } else {
            self.is_listed(user, course, "onlyactive").await?
        };
        if is_active {
            return Ok(Some(Standing::Active));
        }
        let is_suspended = self.is_listed(user, course, "onlysuspended").await?;
        Ok(is_suspended.then_some(Standing::Suspended))
    }

    async fn studies(&self, user: u64, course: &Course) -> Result<bool, Fault> {
        let form = vec![
            ("userid".to_owned(), user.to_string()),
            // Counting everybody in each course takes Moodle seconds.
            ("returnusercount".to_owned(), "0".to_owned()),
        ];
        let rows: Result<Vec<Row>, Verdict> = self.ask(Call::UsersCourses, form).await;
        let rows = rows.map_err(Verdict::settled)?;
        Ok(rows.iter().any(|row| row.id == course.id))
    }

    /// Some versions leave rows out of a page, so only an empty one is the last.
    async fn is_listed(&self, user: u64, course: &Course, which: &str) -> Result<bool, Fault> {
        for page in 0..MOST_PAGES {
            let rows = self.participants(course.id, which, page * PAGE, PAGE).await;
            let rows = rows.map_err(Verdict::settled)?;
            if rows.is_empty() {
                return Ok(false);
            }
            if rows.iter().any(|row| row.id == user) {
                return Ok(true);
            }
        }
        Err(Fault::ConnectionBroken {
            why: "The LMS lists participants of a course without end.".to_owned(),
        })
    }

    pub(super) async fn participants(
        &self,
        course: u64,
        which: &str,
        from: usize,
        count: usize,
    ) -> Result<Vec<Row>, Verdict> {
        let options = [
            (which, "1".to_owned()),
            ("userfields", "id".to_owned()),
            ("sortby", "id".to_owned()),
            ("limitfrom", from.to_string()),
            ("limitnumber", count.to_string()),
        ];
        let mut form = vec![("courseid".to_owned(), course.to_string())];
        for (place, (name, value)) in options.into_iter().enumerate() {
            form.push((format!("options[{place}][name]"), name.to_owned()));
            form.push((format!("options[{place}][value]"), value));
        }
        self.ask(Call::Participants, form).await
    }

    /// The whole state that is wanted, for Moodle takes what is left out for zero: no end.
    pub(super) async fn write(
        &self,
        user: u64,
        course: &Course,
        standing: Standing,
    ) -> Result<(), Verdict> {
        self.put(user, course.id, standing == Standing::Suspended)
            .await
    }

    pub(super) async fn put(&self, user: u64, course: u64, suspend: bool) -> Result<(), Verdict> {
        let form = single(
            "enrolments",
            &[
                ("roleid", &self.role_id.to_string()),
                ("userid", &user.to_string()),
                ("courseid", &course.to_string()),
                ("timestart", "0"),
                ("timeend", "0"),
                ("suspend", if suspend { "1" } else { "0" }),
            ],
        );
        match self.call(Call::Enrol, form, self.limits).await? {
            Value::Null => Ok(()),
            Value::Array(list) if list.is_empty() => Ok(()),
            Value::Object(fields) if fields.keys().all(|field| field == "warnings") => Ok(()),
            _ => Err(not_json(Call::Enrol).into()),
        }
    }

    /// Suspend, or lift a suspension.
    pub(super) async fn change(
        &self,
        user: u64,
        course: &Course,
        standing: Standing,
    ) -> Result<(), Fault> {
        let written = self.write(user, course, standing).await;
        written.map_err(|verdict| match verdict {
            Verdict::Refused(said) => Fault::MappingBroken {
                why: format!("The LMS refuses to change the enrolment: {said}."),
            },
            other => other.settled(),
        })
    }
}

impl CourseRow {
    /// Checked again here; without regard to case, as some databases compare.
    fn is_called(&self, field: &str, value: &str) -> bool {
        let own = match field {
            "id" => &self.id.to_string(),
            "shortname" => &self.shortname,
            _ => &self.idnumber,
        };
        own.to_lowercase() == value.to_lowercase() || (field == "id" && same_number(own, value))
    }
}

/// `007` is 7 to Moodle.
fn same_number(own: &str, value: &str) -> bool {
    own.parse::<u64>().ok() == value.parse::<u64>().ok()
}

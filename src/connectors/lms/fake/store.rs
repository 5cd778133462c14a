//! The fake's documents, with just enough of Frappe's queries.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Value, json};

use super::mischief::Call;

/// Who the fake takes us for.
pub(super) const SERVICE_USER: &str = "bursar@example.com";
/// Requests kept for looking at; a benchmark makes many more.
const KEPT_REQUESTS: usize = 10_000;

/// A learner in the fake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeUser {
    /// Lower-case address, also its id.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// The rest of the name.
    pub last_name: String,
    /// May log in.
    pub enabled: bool,
    /// A real site would have mailed a password link.
    pub welcomed: bool,
}

impl FakeUser {
    pub(super) fn new(email: &str, first_name: &str, last_name: &str) -> Self {
        Self {
            email: email.to_lowercase(),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            enabled: true,
            welcomed: false,
        }
    }

    pub(super) fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
            .trim_end()
            .to_owned()
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "name": self.email, "email": self.email, "enabled": u8::from(self.enabled),
            "first_name": self.first_name, "last_name": self.last_name,
            "full_name": self.full_name(), "user_type": "Website User",
            "doctype": "User", "roles": [{"role": "LMS Student"}],
        })
    }
}

/// An enrolment in the fake.
#[derive(Debug, Clone, PartialEq)]
pub struct FakeEnrolment {
    /// Its id.
    pub name: String,
    /// The learner's address.
    pub member: String,
    /// The learner's name; `None` for a ghost, whose account does not exist.
    pub member_name: Option<String>,
    /// Course id.
    pub course: String,
    /// Naive time as Frappe writes it, later for later rows.
    pub creation: String,
    /// Percent done.
    pub progress: f64,
    /// The batch that brought it.
    pub from_batch: Option<String>,
}

/// A batch in the fake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeBatch {
    /// Its id.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Courses that it brings.
    pub courses: Vec<String>,
    /// How many learners it takes; 0 is any number.
    pub seats: usize,
}

impl FakeEnrolment {
    pub(super) fn json(&self) -> Value {
        let mut row = json!({
            "name": self.name, "owner": self.member, "member": self.member,
            "course": self.course, "creation": self.creation, "progress": self.progress,
            "enrollment_from_batch": self.from_batch,
            "member_type": "Student", "role": "Member", "payment": null,
            "doctype": "LMS Enrollment",
        });
        if let Some(name) = &self.member_name {
            row["member_name"] = json!(name);
        }
        row
    }
}

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it asked for.
    pub call: Call,
    /// HTTP method.
    pub method: String,
    /// Path and query as sent, percent-encoded.
    pub target: String,
    /// The JSON body, if it was one.
    pub body: Option<Value>,
}

pub(super) struct Store {
    courses: BTreeMap<String, String>,
    batches: BTreeMap<String, FakeBatch>,
    /// Rows of batches, with the batch's name where others have the course.
    pub batch_rows: Vec<FakeEnrolment>,
    users: BTreeMap<String, FakeUser>,
    /// By member: a list query with a member is the hot path.
    enrolments: HashMap<String, Vec<FakeEnrolment>>,
    rows_made: u64,
    counts: HashMap<Call, u64>,
    pub log: VecDeque<Seen>,
}

impl Store {
    pub fn new(courses: &[(String, String)]) -> Self {
        Self {
            courses: courses.iter().cloned().collect(),
            batches: BTreeMap::new(),
            batch_rows: Vec::new(),
            users: BTreeMap::new(),
            enrolments: HashMap::new(),
            rows_made: 0,
            counts: HashMap::new(),
            log: VecDeque::new(),
        }
    }

    pub fn note(&mut self, seen: Seen) {
        *self.counts.entry(seen.call).or_default() += 1;
        *self.counts.entry(Call::Any).or_default() += 1;
        if self.log.len() == KEPT_REQUESTS {
            self.log.pop_front();
        }
        self.log.push_back(seen);
    }

    pub fn calls(&self, call: Call) -> u64 {
        self.counts.get(&call).copied().unwrap_or_default()
    }

    pub fn user(&self, email: &str) -> Option<&FakeUser> {
        self.users.get(&email.to_lowercase())
    }

    pub fn put_user(&mut self, user: FakeUser) {
        self.users.insert(user.email.clone(), user);
    }

    pub fn remove_user(&mut self, email: &str) {
        self.users.remove(&email.to_lowercase());
    }

    pub fn rename_user(&mut self, from: &str, to: &str) {
        let Some(mut user) = self.users.remove(&from.to_lowercase()) else {
            return;
        };
        user.email = to.to_lowercase();
        let mut rows = self
            .enrolments
            .remove(&from.to_lowercase())
            .unwrap_or_default();
        let in_batches = self.batch_rows.iter_mut();
        let theirs = in_batches.filter(|row| row.member.eq_ignore_ascii_case(from));
        for row in rows.iter_mut().chain(theirs) {
            row.member.clone_from(&user.email);
        }
        self.enrolments
            .entry(user.email.clone())
            .or_default()
            .extend(rows);
        self.put_user(user);
    }

    /// An account with rows stays.
    pub fn delete_user(&mut self, email: &str) -> bool {
        let email = email.to_lowercase();
        let is_used = self.enrolments.get(&email).is_some_and(|r| !r.is_empty());
        !is_used && self.users.remove(&email).is_some()
    }

    pub fn all_users(&self) -> Vec<FakeUser> {
        self.users.values().cloned().collect()
    }

    pub fn course(&self, id: &str) -> Option<Value> {
        let (id, title) = self.courses.get_key_value(id)?;
        Some(json!({"name": id, "title": title, "published": 1, "doctype": "LMS Course"}))
    }

    pub fn is_enrolled(&self, email: &str, course: &str) -> bool {
        self.enrolments
            .get(&email.to_lowercase())
            .is_some_and(|rows| rows.iter().any(|row| row.course == course))
    }

    /// No check at all: whether a row may be made is decided where requests are answered.
    pub fn put_enrolment(&mut self, email: &str, course: &str) -> FakeEnrolment {
        let row = self.new_row(email, course);
        self.keep(row.clone());
        row
    }

    fn keep(&mut self, row: FakeEnrolment) {
        self.enrolments
            .entry(row.member.clone())
            .or_default()
            .push(row);
    }

    fn new_row(&mut self, email: &str, course: &str) -> FakeEnrolment {
        self.rows_made += 1;
        let made = self.rows_made;
        let seconds = made / 1_000_000;
        FakeEnrolment {
            name: format!("fake{made:06}"),
            member: email.to_lowercase(),
            member_name: self.user(email).map(FakeUser::full_name),
            course: course.to_owned(),
            progress: 0.0,
            from_batch: None,
            creation: format!(
                "2026-01-01 {:02}:{:02}:{:02}.{:06}",
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60,
                made % 1_000_000
            ),
        }
    }

    pub fn put_batch(&mut self, batch: FakeBatch) {
        self.batches.insert(batch.name.clone(), batch);
    }

    pub fn batch(&self, name: &str) -> Option<&FakeBatch> {
        self.batches.get(name)
    }

    /// A row in the batch, and one in each of its courses that the learner has not.
    pub fn join_batch(&mut self, email: &str, batch: &FakeBatch) -> FakeEnrolment {
        let mut row = self.new_row(email, &batch.name);
        row.name = format!("batch-{}", row.name);
        self.batch_rows.push(row.clone());
        for course in &batch.courses {
            if !self.is_enrolled(email, course) {
                let mut brought = self.new_row(email, course);
                brought.from_batch = Some(batch.name.clone());
                self.keep(brought);
            }
        }
        row
    }

    pub fn set_progress(&mut self, email: &str, course: &str, percent: f64) {
        let rows = self.enrolments.get_mut(&email.to_lowercase());
        for row in rows.into_iter().flatten() {
            if row.course == course {
                row.progress = percent;
            }
        }
    }

    pub fn all_enrolments(&self) -> Vec<FakeEnrolment> {
        let mut rows: Vec<_> = self.enrolments.values().flatten().cloned().collect();
        rows.sort_by(|a, b| (&a.creation, &a.name).cmp(&(&b.creation, &b.name)));
        rows
    }

    pub fn enrolment(&self, name: &str) -> Option<&FakeEnrolment> {
        self.enrolments
            .values()
            .flatten()
            .find(|row| row.name == name)
    }

    /// Whether there was one.
    pub fn delete_batch_row(&mut self, name: &str) -> bool {
        let before = self.batch_rows.len();
        self.batch_rows.retain(|row| row.name != name);
        self.batch_rows.len() < before
    }

    /// Whether there was one.
    pub fn delete_enrolment(&mut self, name: &str) -> bool {
        self.enrolments.values_mut().any(|rows| {
            let before = rows.len();
            rows.retain(|row| row.name != name);
            rows.len() < before
        })
    }

    /// The documents of a kind, or `None` for a kind there is not.
    pub fn documents(&self, doctype: &str, filters: &Filters) -> Option<Vec<Value>> {
        let candidates: Vec<Value> = match doctype {
            "User" => {
                if let Some(email) = filters.of(&["name", "email"]) {
                    self.user(email).map(FakeUser::json).into_iter().collect()
                } else {
                    let learners = self.users.values().map(FakeUser::json);
                    std::iter::once(service_user()).chain(learners).collect()
                }
            }
            "LMS Batch" => self.batches.values().map(batch_json).collect(),
            "LMS Batch Enrollment" => self.batch_rows.iter().map(batch_row_json).collect(),
            "LMS Course" => self
                .courses
                .keys()
                .filter_map(|id| self.course(id))
                .collect(),
            "LMS Enrollment" => match filters.of(&["member"]) {
                Some(member) => {
                    let rows = self.enrolments.get(&member.to_lowercase());
                    rows.into_iter()
                        .flatten()
                        .map(FakeEnrolment::json)
                        .collect()
                }
                None => self
                    .all_enrolments()
                    .iter()
                    .map(FakeEnrolment::json)
                    .collect(),
            },
            _ => return None,
        };
        Some(
            candidates
                .into_iter()
                .filter(|row| filters.accept(row))
                .collect(),
        )
    }
}

/// The user behind the API key, as its own document says.
pub(super) fn service_user() -> Value {
    json!({
        "name": SERVICE_USER, "email": SERVICE_USER, "enabled": 1, "doctype": "User",
        "roles": [{"role": "Moderator"}, {"role": "LMS Student"}],
    })
}

fn batch_json(batch: &FakeBatch) -> Value {
    json!({
        "name": batch.name, "title": batch.title, "seat_count": batch.seats,
        "doctype": "LMS Batch",
    })
}

pub(super) fn batch_row_json(row: &FakeEnrolment) -> Value {
    json!({
        "name": row.name, "member": row.member, "member_name": row.member_name,
        "batch": row.course, "creation": row.creation, "doctype": "LMS Batch Enrollment",
    })
}

/// `[["field","=","value"],…]` or `{"field":"value"}`: equality of texts is all we ask for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filters(Vec<(String, String)>);

impl Filters {
    /// `None` for what the fake does not speak; it must not pass for "no filter".
    pub fn parse(text: &str) -> Option<Self> {
        let pairs = match serde_json::from_str(text).ok()? {
            Value::Array(rules) => rules.iter().map(rule).collect::<Option<_>>()?,
            Value::Object(fields) => fields
                .iter()
                .map(|(field, value)| Some((field.clone(), value.as_str()?.to_owned())))
                .collect::<Option<_>>()?,
            _ => return None,
        };
        Some(Self(pairs))
    }

    fn of(&self, fields: &[&str]) -> Option<&str> {
        let (_, value) = self
            .0
            .iter()
            .find(|(field, _)| fields.contains(&field.as_str()))?;
        Some(value)
    }

    /// Without regard to case, as `MariaDB` compares.
    fn accept(&self, row: &Value) -> bool {
        self.0.iter().all(|(field, wanted)| {
            row[field]
                .as_str()
                .is_some_and(|value| value.eq_ignore_ascii_case(wanted))
        })
    }
}

fn rule(rule: &Value) -> Option<(String, String)> {
    match rule.as_array()?.as_slice() {
        [field, equals, value] if equals == "=" => {
            Some((field.as_str()?.to_owned(), value.as_str()?.to_owned()))
        }
        _ => None,
    }
}

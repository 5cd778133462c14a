//! What the fake Canvas knows, and its calls on it.

use std::collections::BTreeSet;

use bursar::connectors::lms::fake::Canned;
use serde_json::{Value, json};

use super::fake::Asked;

/// Ids of a site in Canvas's cloud: the site's number, then zeros, then its own.
const SHARD: u64 = 11_000_000_000_000_000;

#[derive(Debug, Clone)]
pub struct User {
    pub id: String,
    pub name: String,
    pub login: String,
    pub email: String,
    pub suspended: bool,
    pub told: bool,
}

impl User {
    pub fn json(&self) -> Value {
        json!({"id": self.id, "name": self.name, "sortable_name": self.name, "login_id": self.login,
            "email": self.email, "sis_user_id": null, "avatar_url": null})
    }
}

#[derive(Debug, Clone)]
pub struct Course {
    pub id: String,
    pub sis: &'static str,
    pub name: &'static str,
    pub state: &'static str,
}

impl Course {
    pub fn json(&self) -> Value {
        json!({"id": self.id, "name": self.name, "course_code": self.sis, "account_id": "1",
            "sis_course_id": self.sis, "workflow_state": self.state})
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: String,
    pub user: String,
    pub course: String,
    pub section: u8,
    pub state: String,
    pub end_at: Option<String>,
}

impl Row {
    fn json(&self) -> Value {
        json!({"id": self.id, "user_id": self.user, "course_id": self.course,
            "type": "StudentEnrollment", "role": "StudentEnrollment", "role_id": "3",
            "enrollment_state": self.state, "course_section_id": self.section.to_string(),
            "end_at": self.end_at, "grades": {"current_score": null}})
    }
}

#[derive(Debug)]
pub struct Store {
    pub users: Vec<User>,
    pub courses: Vec<Course>,
    pub rows: Vec<Row>,
    pub permissions: BTreeSet<&'static str>,
    /// Addresses that the site does not take.
    pub refused_address: Option<String>,
    /// Everybody is only invited.
    pub invites: bool,
    /// Nobody may be enrolled by this token.
    pub forbids: bool,
    made: u64,
}

impl Store {
    pub fn new() -> Self {
        let course = |n: u64, sis, name| Course {
            id: (SHARD + n).to_string(),
            sis,
            name,
            state: "available",
        };
        Self {
            users: Vec::new(),
            courses: vec![
                course(101, "SKU-RUST-1", "Rust for shops"),
                course(102, "SKU-GO-1", "Go for shops"),
                course(103, "SKU-C-1", "C for shops"),
            ],
            rows: Vec::new(),
            permissions: BTreeSet::from([
                "manage_user_logins",
                "read_roster",
                "add_student_to_course",
                "remove_student_from_course",
            ]),
            refused_address: None,
            invites: false,
            forbids: false,
            made: 0,
        }
    }

    fn next_id(&mut self) -> String {
        self.made += 1;
        (SHARD + 1000 + self.made).to_string()
    }

    pub fn add_user(&mut self, email: &str) -> String {
        let id = self.next_id();
        self.users.push(User {
            id: id.clone(),
            name: "Seeded Person".to_owned(),
            login: email.to_owned(),
            email: email.to_owned(),
            suspended: false,
            told: false,
        });
        id
    }

    pub fn add_row(&mut self, user: &str, course: &str, section: u8, state: &str) -> Row {
        let row = Row {
            id: self.next_id(),
            user: user.to_owned(),
            course: self.course(course).unwrap().id.clone(),
            section,
            state: state.to_owned(),
            end_at: None,
        };
        self.rows.push(row.clone());
        row
    }

    /// By id or by `sis_login_id:`.
    pub fn user(&self, name: &str) -> Option<&User> {
        let login = name.strip_prefix("sis_login_id:");
        self.users.iter().find(|user| match login {
            Some(login) => user.login.eq_ignore_ascii_case(login),
            None => user.id == name,
        })
    }

    /// By id or by `sis_course_id:`.
    pub fn course(&self, name: &str) -> Option<&Course> {
        let sis = name.strip_prefix("sis_course_id:");
        self.courses.iter().find(|course| match sis {
            Some(sis) => course.sis == sis,
            None => course.id == name,
        })
    }

    pub fn logins(&self, user: &str) -> Canned {
        self.user(user).map_or_else(absent, |user| {
            let state = if user.suspended {
                "suspended"
            } else {
                "active"
            };
            ok(
                &json!([{"id": "9", "user_id": user.id, "unique_id": user.login,
                "workflow_state": state}]),
            )
        })
    }

    /// Parts of names and addresses are found too.
    pub fn search(&self, term: &str) -> Vec<Value> {
        let term = term.to_lowercase();
        let found = self.users.iter().filter(|user| {
            [&user.name, &user.login, &user.email]
                .iter()
                .any(|own| own.to_lowercase().contains(&term))
        });
        found.map(User::json).collect()
    }

    pub fn all_courses(&self) -> Vec<Value> {
        self.courses.iter().map(Course::json).collect()
    }

    pub fn permissions(&self, asked: &BTreeSet<&str>) -> Canned {
        let answers = asked
            .iter()
            .map(|name| ((*name).to_owned(), json!(self.permissions.contains(name))));
        ok(&Value::Object(answers.collect()))
    }

    pub fn create(&mut self, body: &Value) -> Canned {
        let login = body["pseudonym"]["unique_id"].as_str().unwrap_or_default();
        let refusal = |kind: &str, words: &str| {
            let error = json!([{"attribute": "unique_id", "type": kind, "message": words}]);
            Canned::json(
                400,
                &json!({"errors": {"user": {"pseudonyms": error},
                "pseudonym": {"unique_id": error}, "observee": {}}}),
            )
        };
        if self.user(&format!("sis_login_id:{login}")).is_some() {
            return refusal(
                "taken",
                "ID already in use for this account and authentication provider",
            );
        }
        if self.refused_address.as_deref() == Some(login) {
            return refusal("invalid", "is invalid");
        }
        let id = self.add_user(login);
        let user = self.users.last_mut().unwrap();
        user.name = text(&body["user"]["name"]);
        user.email = text(&body["communication_channel"]["address"]);
        user.told = body["pseudonym"]["send_confirmation"] == true;
        self.user(&id).map_or_else(absent, |user| ok(&user.json()))
    }

    /// `None`: the course or the user is not there.
    pub fn enrolments(&self, course: &str, asked: &Asked) -> Option<Vec<Value>> {
        let course = &self.course(course)?.id;
        let user = &self.user(asked.one("user_id"))?.id;
        let states = asked.all("state[]");
        let rows = self.rows.iter().filter(|row| {
            row.course == *course && row.user == *user && states.contains(row.state.as_str())
        });
        Some(rows.map(Row::json).collect())
    }

    /// The same user and section again is the same row, put to the state that is asked for.
    pub fn enrol(&mut self, course: &str, body: &Value) -> Canned {
        let seat = &body["enrollment"];
        let user = seat["user_id"].as_str().unwrap_or_default().to_owned();
        let Some(found) = self.course(course).cloned() else {
            return absent();
        };
        if self.forbids {
            return not_permitted();
        }
        if self.user(&user).is_none() {
            return absent();
        }
        if found.state == "completed" {
            let words = "can't add an enrollment to a concluded course.";
            return Canned::json(400, &json!({"message": words}));
        }
        let asked = seat["enrollment_state"].as_str().unwrap_or("invited");
        let state = if self.invites { "invited" } else { asked }.to_owned();
        let mut rows = self.rows.iter_mut();
        let there = rows.find(|row| row.user == user && row.course == found.id && row.section == 1);
        let row = match there {
            Some(row) => {
                row.state = state;
                row.clone()
            }
            None => self.add_row(&user, &found.id, 1, &state),
        };
        ok(&row.json())
    }

    fn row(&mut self, course: &str, id: &str) -> Option<&mut Row> {
        let course = self.course(course)?.id.clone();
        let mut rows = self.rows.iter_mut();
        rows.find(|row| row.id == id && row.course == course && row.state != "deleted")
    }

    pub fn end(&mut self, course: &str, id: &str, task: &str) -> Canned {
        let Some(row) = self.row(course, id) else {
            return absent();
        };
        let state = match task {
            "deactivate" | "inactivate" => "inactive",
            "delete" => "deleted",
            _ => "completed",
        };
        state.clone_into(&mut row.state);
        ok(&row.json())
    }

    pub fn reactivate(&mut self, course: &str, id: &str) -> Canned {
        match self.row(course, id) {
            None => absent(),
            Some(row) if row.state != "inactive" => {
                Canned::json(400, &json!({"error": "enrollment not inactive"}))
            }
            Some(row) => {
                "active".clone_into(&mut row.state);
                ok(&row.json())
            }
        }
    }
}

pub fn ok(body: &Value) -> Canned {
    Canned {
        content_type: "application/json; charset=utf-8".to_owned(),
        ..Canned::json(200, body)
    }
}

pub fn absent() -> Canned {
    let words = "The specified resource does not exist.";
    Canned::json(404, &json!({"errors": [{"message": words}]}))
}

/// 401, as for a bad token; only `status` tells them apart.
pub fn not_permitted() -> Canned {
    let words = "user not authorized to perform that action";
    Canned::json(
        401,
        &json!({"status": "unauthorized", "errors": [{"message": words}]}),
    )
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

//! A FAKE Open edX: its token, account, enrolment and bulk enrolment APIs, as the views of
//! openedx/edx-platform answer (`enrollments/views.py`, `bulk_enroll/views.py`, `accounts/views.py`).

use std::sync::Mutex;

use serde_json::{Value, json};

use super::super::conformance::Trouble;
use super::super::crooked::{Asked, Canned, Role, Site};
use super::{CLIENT, SECRET};

#[derive(Debug, Clone)]
pub struct Account {
    pub username: String,
    pub email: String,
}

#[derive(Debug, Clone)]
pub struct Enrolment {
    pub username: String,
    pub course: String,
    pub mode: String,
    pub active: bool,
}

pub struct Store {
    pub accounts: Vec<Account>,
    pub enrolments: Vec<Enrolment>,
    /// Address and course: enrolled at sign-up.
    pub allowed: Vec<(String, String)>,
    pub courses: Vec<(String, Vec<&'static str>)>,
    /// Tokens that are taken.
    pub tokens: Vec<String>,
    pub asked_for_tokens: usize,
    pub staff: bool,
    pub bulk: bool,
    /// Knows whom it enrols at sign-up.
    pub tells_allowed: bool,
    /// Staff may not change what is there, as on older sites.
    pub frozen: bool,
    pub refuses_addresses: bool,
    pub closed: bool,
    /// Nobody has an account.
    pub nobody: bool,
}

impl Store {
    pub fn sign_up(&mut self, email: &str) {
        if self.nobody || self.accounts.iter().any(|account| account.email == email) {
            return;
        }
        let username = format!("user{}", self.accounts.len() + 1);
        self.accounts.push(Account {
            username,
            email: email.to_owned(),
        });
    }

    pub fn account(&self, email: &str) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|account| account.email.eq_ignore_ascii_case(email))
    }

    pub fn enrolment(&mut self, username: &str, course: &str) -> Option<&mut Enrolment> {
        let mut all = self.enrolments.iter_mut();
        all.find(|one| one.username == username && one.course == course)
    }

    pub fn put(&mut self, email: &str, course: &str, mode: &str, active: bool) {
        let username = self.account(email).unwrap().username.clone();
        self.enrolments.push(Enrolment {
            username,
            course: course.to_owned(),
            mode: mode.to_owned(),
            active,
        });
    }
}

pub struct Campus {
    pub store: Mutex<Store>,
}

impl Campus {
    pub fn new(courses: &[&str]) -> Self {
        let modes = || vec!["audit", "verified"];
        let courses = courses.iter().map(|id| ((*id).to_owned(), modes()));
        Self {
            store: Mutex::new(Store {
                accounts: Vec::new(),
                enrolments: Vec::new(),
                allowed: Vec::new(),
                courses: courses.collect(),
                tokens: Vec::new(),
                asked_for_tokens: 0,
                staff: true,
                bulk: true,
                tells_allowed: true,
                frozen: false,
                refuses_addresses: false,
                closed: false,
                nobody: false,
            }),
        }
    }
}

impl Site for Campus {
    fn role(&self, asked: &Asked) -> Role {
        let path = asked.path.as_str();
        let enrols = path.ends_with("v1/enrollment") || path.ends_with("bulk_enroll");
        match asked.method.as_str() {
            "POST" if enrols => Role::Write,
            "GET" if path.contains("/enrollment/v1/enrollment") => Role::Read,
            "GET" if path.ends_with("/accounts") => Role::Read,
            _ => Role::Other,
        }
    }

    fn answer(&self, asked: &Asked) -> Canned {
        let mut store = self.store.lock().unwrap();
        if asked.path == "/oauth2/access_token" {
            return token(&mut store, asked);
        }
        let shown = asked.header("authorization").unwrap_or_default();
        if !store
            .tokens
            .iter()
            .any(|token| shown == format!("JWT {token}"))
        {
            return Canned::json(
                401,
                &json!({"detail": "Error decoding token: Signature has expired."}),
            );
        }
        let parts = asked.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (asked.method.as_str(), parts.as_slice()) {
            ("GET", ["api", "user", "v1", "me"]) => {
                Canned::json(200, &json!({"username": "bursar_worker"}))
            }
            ("GET", ["api", "enrollment", "v1", "roles"]) => {
                Canned::json(200, &json!({"roles": [], "is_staff": store.staff}))
            }
            ("GET", ["api", "user", "v1", "accounts"]) => accounts(&store, asked),
            ("GET", ["api", "courses", "v1", "courses"]) => courses(&store, asked),
            ("GET", ["api", "enrollment", "v1", "course", id]) => course(&store, id),
            ("GET", ["api", "enrollment", "v1", "enrollment", both]) => {
                record(&mut store, asked, both)
            }
            ("POST", ["api", "enrollment", "v1", "enrollment"]) => change(&mut store, &asked.body),
            (method, ["api", "enrollment", "v1", "enrollment_allowed"]) if store.tells_allowed => {
                allowed(&mut store, method, asked)
            }
            (method, ["api", "bulk_enroll", "v1", "bulk_enroll"]) if store.bulk => match method {
                "POST" => bulk(&mut store, &asked.body),
                _ => Canned::json(405, &json!({"detail": "Method \"GET\" not allowed."})),
            },
            _ => Canned::page(404, "<h1>Page not found</h1>"),
        }
    }

    fn words(&self, trouble: Trouble) -> Option<Canned> {
        Some(match trouble {
            Trouble::Throttled(after) => {
                let words =
                    json!({"detail": "Request was throttled. Expected available in 7 seconds."});
                let answer = Canned::json(429, &words);
                match after {
                    Some(seconds) => answer.with("retry-after", seconds.to_string()),
                    None => answer,
                }
            }
            Trouble::Maintenance => Canned::page(503, "<h1>Maintenance</h1>"),
            Trouble::DatabaseDown | Trouble::DeadlockOnce => {
                Canned::page(500, "<h1>Internal server error</h1>")
            }
            Trouble::WrongHost | Trouble::MethodMissing => {
                Canned::page(404, "<h1>Page not found</h1>")
            }
            // The view hides from who may not act for others.
            Trouble::RightMissingWritesRefused => Canned::empty(404),
            Trouble::EchoesCredentials => Canned::json(
                400,
                &json!({"message": format!("<b>{CLIENT}</b> {SECRET} of ada@example.com is odd")}),
            ),
            _ => return None,
        })
    }
}

fn token(store: &mut Store, asked: &Asked) -> Canned {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(asked.text.as_bytes())
        .into_owned()
        .collect();
    let wanted = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("token_type", "jwt"),
    ];
    let has = |(name, value): &(&str, &str)| form.iter().any(|(n, v)| n == name && v == value);
    if !wanted.iter().all(has) {
        return Canned::json(401, &json!({"error": "invalid_client"}));
    }
    store.asked_for_tokens += 1;
    let token = format!("jwt-{}", store.asked_for_tokens);
    store.tokens = vec![token.clone()];
    let body =
        json!({"access_token": token, "expires_in": 3600, "token_type": "JWT", "scope": "read"});
    Canned::json(200, &body)
}

fn accounts(store: &Store, asked: &Asked) -> Canned {
    match store.account(asked.query("email").unwrap()) {
        None => Canned::empty(404),
        Some(account) if store.staff => Canned::json(
            200,
            &json!([{"username": account.username, "email": account.email, "is_active": true}]),
        ),
        Some(account) => Canned::json(200, &json!([{"username": account.username}])),
    }
}

fn courses(store: &Store, asked: &Asked) -> Canned {
    // A page of two, so that who reads one page only is found out.
    let page: usize = asked.query("page").unwrap().parse().unwrap();
    let some = store.courses.iter().skip((page - 1) * 2).take(2);
    let results: Vec<Value> = some
        .map(|(id, _)| json!({"course_id": id, "name": id}))
        .collect();
    let next = (store.courses.len() > page * 2).then_some("https://campus.example/next");
    Canned::json(
        200,
        &json!({"results": results, "pagination": {"next": next}}),
    )
}

fn course(store: &Store, id: &str) -> Canned {
    match store.courses.iter().find(|(course, _)| course == id) {
        None => Canned::json(
            400,
            &json!({"message": format!("No course found for course ID '{id}'")}),
        ),
        Some((id, modes)) => {
            let modes: Vec<Value> = modes.iter().map(|slug| json!({"slug": slug})).collect();
            Canned::json(
                200,
                &json!({"course_id": id, "course_name": "Demo", "course_modes": modes}),
            )
        }
    }
}

fn record(store: &mut Store, asked: &Asked, both: &str) -> Canned {
    assert!(
        !asked.path.contains('+'),
        "a plus is encoded: {}",
        asked.path
    );
    if !store.staff {
        return Canned::empty(404);
    }
    let (username, course) = both.split_once(',').unwrap();
    match store.enrolment(username, course) {
        None => Canned::typed(200, "application/json", String::new()),
        Some(found) => Canned::json(200, &shown(found)),
    }
}

fn shown(enrolment: &Enrolment) -> Value {
    json!({"created": "2026-01-01T00:00:00Z", "mode": enrolment.mode, "is_active": enrolment.active,
        "user": enrolment.username, "course_details": {"course_id": enrolment.course}})
}

fn change(store: &mut Store, body: &Value) -> Canned {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (user, mode) = (text(&body["user"]), text(&body["mode"]));
    let course = text(&body["course_details"]["course_id"]);
    let active = body["is_active"].as_bool().unwrap();
    let refused = |words: String| Canned::json(400, &json!({"message": words}));
    if !store.staff {
        return Canned::empty(404);
    }
    if !store
        .accounts
        .iter()
        .any(|account| account.username == user)
    {
        return Canned::json(
            406,
            &json!({"message": format!("The user {user} does not exist.")}),
        );
    }
    let Some((_, modes)) = store.courses.iter().find(|(id, _)| *id == course) else {
        return refused(format!("No course '{course}' found for enrollment"));
    };
    if store.closed || !modes.contains(&mode.as_str()) {
        return refused(format!(
            "The [{mode}] course mode is expired or otherwise unavailable"
        ));
    }
    let frozen = store.frozen;
    match store.enrolment(&user, &course) {
        Some(found) if frozen => Canned::json(200, &shown(found)),
        Some(found) if found.mode != mode && found.active != active && !active => refused(format!(
            "Enrollment mode mismatch: active mode={}, requested mode={mode}. Won't deactivate.",
            found.mode
        )),
        Some(found) => {
            found.mode = mode;
            found.active = active;
            Canned::json(200, &shown(found))
        }
        None => {
            store.enrolments.push(Enrolment {
                username: user,
                course,
                mode,
                active,
            });
            Canned::json(200, &shown(store.enrolments.last().unwrap()))
        }
    }
}

fn allowed(store: &mut Store, method: &str, asked: &Asked) -> Canned {
    let text = |field: &str| asked.body[field].as_str().unwrap_or_default().to_owned();
    let pair = (text("email"), text("course_id"));
    match method {
        _ if !store.staff => Canned::json(
            403,
            &json!({"detail": "You do not have permission to perform this action."}),
        ),
        "GET" => {
            let email = asked.query("email").unwrap();
            let hers = store.allowed.iter().filter(|(address, _)| address == email);
            let rows: Vec<Value> = hers
                .map(|(email, course)| json!({"email": email, "course_id": course, "auto_enroll": true}))
                .collect();
            Canned::json(200, &rows.into())
        }
        "POST" if store.allowed.contains(&pair) => Canned::json(
            409,
            &json!({"message": "An enrollment allowed already exists."}),
        ),
        "POST" => {
            store.allowed.push(pair);
            Canned::json(201, &asked.body)
        }
        _ if store.allowed.contains(&pair) => {
            store.allowed.retain(|one| *one != pair);
            Canned::empty(204)
        }
        _ => Canned::json(
            404,
            &json!({"message": "An enrollment allowed doesn't exists."}),
        ),
    }
}

/// Errors inside a 200.
fn bulk(store: &mut Store, body: &Value) -> Canned {
    let (email, course) = (
        body["identifiers"].as_str().unwrap(),
        body["courses"].as_str().unwrap(),
    );
    if !store.courses.iter().any(|(id, _)| id == course) {
        return Canned::json(
            400,
            &json!({"courses": [format!("Course key not found: {course}")]}),
        );
    }
    let result = if store.refuses_addresses {
        json!({"identifier": email, "invalidIdentifier": true})
    } else {
        let pair = (email.to_owned(), course.to_owned());
        if !store.allowed.contains(&pair) {
            store.allowed.push(pair);
        }
        json!({"identifier": email, "before": {"enrollment": false, "allowed": false},
            "after": {"enrollment": false, "allowed": true, "auto_enroll": true}})
    };
    let said = json!({"action": "enroll", "courses": {course: {"results": [result]}}});
    Canned::json(200, &said)
}

//! What the fake Moodle knows, and its functions on it: as recorded of 4.3, and where nothing was
//! recorded, as its sources read.

use std::collections::{BTreeMap, BTreeSet};

use bursar::connectors::lms::fake::Canned;
use serde_json::{Value, json};

pub const ADMIN: u64 = 2;
pub const SERVICE_USER: u64 = 3;
const STUDENT: u64 = 5;
/// The fake's clock stands still.
const NOW: u64 = 1_800_000_000;

/// What the service user is allowed; the facts' list, as far as the functions ask for it.
pub const RIGHTS: [&str; 10] = [
    "moodle/user:create",
    "moodle/user:viewdetails",
    "moodle/site:viewuseridentity",
    "moodle/course:view",
    "moodle/course:viewhiddencourses",
    "moodle/course:viewparticipants",
    "moodle/course:enrolreview",
    "moodle/role:assign",
    "enrol/manual:enrol",
    "allow role assignment",
];

#[derive(Debug, Clone)]
pub struct User {
    pub username: String,
    pub email: String,
    pub first: String,
    pub last: String,
    pub suspended: bool,
    pub password: Option<String>,
    pub mailed: bool,
    pub auth: String,
}

#[derive(Debug, Clone)]
pub struct Course {
    pub shortname: &'static str,
    pub idnumber: &'static str,
    pub fullname: &'static str,
    pub visible: bool,
    pub manual: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Row {
    pub timeend: u64,
    pub suspended: bool,
}

impl Row {
    fn is_active(self) -> bool {
        !self.suspended && (self.timeend == 0 || self.timeend > NOW)
    }
}

#[derive(Debug)]
pub struct Store {
    pub users: BTreeMap<u64, User>,
    pub courses: BTreeMap<u64, Course>,
    /// By user and course: the database allows no second row.
    pub rows: BTreeMap<(u64, u64), Row>,
    pub rights: BTreeSet<&'static str>,
    pub functions: BTreeSet<&'static str>,
    /// An address that the site does not take.
    pub refused_address: Option<String>,
}

pub type Params = BTreeMap<String, String>;

impl Store {
    pub fn new() -> Self {
        let mut store = Self {
            users: BTreeMap::new(),
            courses: BTreeMap::new(),
            rows: BTreeMap::new(),
            rights: BTreeSet::from(RIGHTS),
            functions: BTreeSet::from(FUNCTIONS),
            refused_address: None,
        };
        store.users.insert(ADMIN, user("admin", "root@example.org"));
        store
            .users
            .insert(SERVICE_USER, user("bursar", "bursar@example.org"));
        store.courses.insert(1, course("site", "", "The site"));
        store
            .courses
            .insert(2, course("RUST1", "SKU-RUST-1", "Rust for shops"));
        store
            .courses
            .insert(3, course("GO1", "SKU-GO-1", "Go for shops"));
        store
    }

    pub fn user_id(&self, email: &str) -> Option<u64> {
        let mut users = self.users.iter();
        users
            .find(|(_, user)| user.email.eq_ignore_ascii_case(email))
            .map(|(id, _)| *id)
    }

    pub fn add_user(&mut self, email: &str) -> u64 {
        let id = self.users.keys().max().unwrap() + 1;
        self.users.insert(id, user(email, email));
        id
    }

    fn may(&self, right: &str) -> bool {
        self.rights.contains(right)
    }

    pub fn call(&mut self, function: &str, params: &Params) -> Canned {
        if !FUNCTIONS.contains(&function) {
            return error(
                "dml_missing_record_exception",
                "invalidrecord",
                "Can't find data record in database table external_functions.",
            );
        }
        if !self.functions.contains(function) {
            return error(
                "webservice_access_exception",
                "accessexception",
                "Access control exception",
            );
        }
        let answered = match function {
            "core_webservice_get_site_info" => Ok(self.site_info()),
            "core_user_get_users_by_field" => self.users_by_field(params),
            "core_user_create_users" => self.create_user(params),
            "core_course_get_courses_by_field" => self.courses_by_field(params),
            "core_enrol_get_users_courses" => Ok(self.users_courses(params)),
            "core_enrol_get_enrolled_users" => self.enrolled_users(params),
            "core_user_delete_users" => Ok(self.delete_user(params)),
            _ => self.enrol(params),
        };
        answered.map_or_else(|refusal| refusal, |answer| Canned::json(200, &answer))
    }

    fn site_info(&self) -> Value {
        let functions = self.functions.iter();
        let functions: Vec<Value> = functions
            .map(|name| json!({"name": name, "version": "2023100900"}))
            .collect();
        json!({"sitename": "A fake academy", "username": "bursar", "userid": SERVICE_USER,
            "siteurl": "http://127.0.0.1", "release": "4.3 (Build: 20231009)",
            "functions": functions, "downloadfiles": 0})
    }

    /// Only those whose searched field we may see, so that a missing right looks like absence.
    fn users_by_field(&self, params: &Params) -> Result<Value, Canned> {
        let field = text(params, "field");
        let values: Vec<&str> = params
            .iter()
            .filter(|(name, _)| name.starts_with("values["))
            .map(|(_, value)| value.as_str())
            .collect();
        if field == "email" && values.iter().any(|value| !is_address(value)) {
            return Err(invalid_parameter());
        }
        let found = self.users.iter().filter(|(id, user)| {
            let own = match field {
                "id" => &id.to_string(),
                "email" => &user.email,
                _ => &user.username,
            };
            values.iter().any(|value| own.eq_ignore_ascii_case(value))
        });
        Ok(found
            .filter_map(|(id, user)| self.details(*id, user, field))
            .collect())
    }

    fn details(&self, id: u64, user: &User, searched: &str) -> Option<Value> {
        let is_own = id == SERVICE_USER;
        if !is_own && !self.may("moodle/user:viewdetails") {
            return None;
        }
        let mut details = json!({"id": id, "fullname": format!("{} {}", user.first, user.last),
            "firstname": user.first, "lastname": user.last, "department": "",
            "suspended": user.suspended, "description": "", "descriptionformat": 1,
            "profileimageurl": "http://127.0.0.1/theme/image.php/boost/core/1/u/f1"});
        if is_own || self.may("moodle/site:viewuseridentity") {
            details["email"] = json!(user.email);
        }
        if is_own {
            details["username"] = json!(user.username);
        }
        details.get(searched).is_some().then_some(details)
    }

    fn create_user(&mut self, params: &Params) -> Result<Value, Canned> {
        if !self.may("moodle/user:create") {
            return Err(no_permission("Create users"));
        }
        let of = |field: &str| text(params, &format!("users[0][{field}]")).to_owned();
        let (username, email) = (of("username"), of("email"));
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_@".contains(&b);
        let is_taken = self
            .users
            .values()
            .any(|user| user.username == username || user.email.eq_ignore_ascii_case(&email));
        let mails = of("createpassword") == "1";
        let unusable = [&username, &of("firstname"), &of("lastname")]
            .iter()
            .any(|field| field.trim().is_empty() || field.contains(['<', '>']))
            || !username.bytes().all(allowed)
            || !is_address(&email)
            || self.refused_address.as_ref() == Some(&email)
            || !["manual", "oauth2"].contains(&of("auth").as_str());
        if unusable || is_taken || (of("password").is_empty() && !mails) {
            return Err(invalid_parameter());
        }
        let id = self.add_user(&email);
        let made = self.users.get_mut(&id).unwrap();
        made.username.clone_from(&username);
        made.first = of("firstname");
        made.last = of("lastname");
        made.auth = of("auth");
        made.mailed = mails;
        made.password = Some(of("password")).filter(|password| !password.is_empty());
        Ok(json!([{"id": id, "username": username}]))
    }

    /// The suite's own: it clears away what it wrote, where a token may.
    fn delete_user(&mut self, params: &Params) -> Value {
        let id = number(params, "userids[0]");
        self.users.remove(&id);
        self.rows.retain(|(user, _), _| *user != id);
        Value::Null
    }

    fn courses_by_field(&self, params: &Params) -> Result<Value, Canned> {
        let (field, value) = (text(params, "field"), text(params, "value"));
        if field == "id" && value.parse::<u32>().is_err() {
            return Err(invalid_parameter());
        }
        let found = self.courses.iter().filter(|(id, course)| match field {
            "id" => id.to_string() == value,
            "idnumber" => course.idnumber.eq_ignore_ascii_case(value),
            "shortname" => course.shortname.eq_ignore_ascii_case(value),
            _ => true,
        });
        let found: Vec<Value> = found
            .filter(|(_, course)| course.visible || self.may("moodle/course:viewhiddencourses"))
            .map(|(id, course)| self.course_row(*id, course))
            .collect();
        Ok(json!({"courses": found, "warnings": []}))
    }

    fn course_row(&self, id: u64, course: &Course) -> Value {
        let methods: &[&str] = if course.manual {
            &["manual"]
        } else {
            &["self"]
        };
        let mut row = json!({"id": id, "fullname": course.fullname, "displayname": course.fullname,
            "shortname": course.shortname, "idnumber": course.idnumber, "categoryid": 1,
            "summary": "<p>What it is about</p>", "summaryformat": 1, "enrollmentmethods": methods,
            "customfields": []});
        if self.may("moodle/course:view") {
            row["visible"] = json!(u8::from(course.visible));
            row["groupmode"] = json!(0);
        }
        row
    }

    /// Without those in hidden courses, suspended ones, ended ones, and courses we may not enter.
    fn users_courses(&self, params: &Params) -> Value {
        let user = number(params, "userid");
        let rows = self.rows.iter().filter(|((whose, course), row)| {
            *whose == user && row.is_active() && self.courses[course].visible
        });
        let may_see = self.may("moodle/course:view") && self.may("moodle/course:viewparticipants");
        rows.filter(|_| may_see)
            .map(|((_, course), _)| json!({"id": course, "visible": 1, "shortname": "x"}))
            .collect()
    }

    fn enrolled_users(&self, params: &Params) -> Result<Value, Canned> {
        let course = number(params, "courseid");
        if !self.courses.contains_key(&course) {
            return Err(error(
                "dml_missing_record_exception",
                "invalidrecord",
                "Can't find data record in database table course.",
            ));
        }
        let options = options(params);
        let option = |name: &str| options.get(name).map_or("", String::as_str);
        if !self.may("moodle/course:viewparticipants") {
            return Err(no_permission("View participants"));
        }
        let (active, suspended) = (option("onlyactive") == "1", option("onlysuspended") == "1");
        if (active || suspended) && !self.may("moodle/course:enrolreview") {
            return Err(no_permission("Review course enrolments"));
        }
        let rows = self.rows.iter().filter(|((_, at), row)| {
            *at == course && (!active || row.is_active()) && (!suspended || !row.is_active())
        });
        let from = option("limitfrom").parse().unwrap_or(0);
        let count = option("limitnumber").parse().unwrap_or(0);
        let count = if count == 0 { usize::MAX } else { count };
        Ok(rows
            .skip(from)
            .take(count)
            .map(|((user, _), _)| json!({"id": user, "fullname": self.users[user].first}))
            .collect())
    }

    /// An update where there is a row: what is left out is zero.
    fn enrol(&mut self, params: &Params) -> Result<Value, Canned> {
        let of = |field: &str| number(params, &format!("enrolments[0][{field}]"));
        let (user, course) = (of("userid"), of("courseid"));
        let Some(found) = self.courses.get(&course) else {
            return Err(invalid_parameter());
        };
        if !self.may("enrol/manual:enrol") {
            return Err(no_permission("Enrol users"));
        }
        if of("roleid") != STUDENT || !self.may("allow role assignment") {
            let (role, words) = (
                of("roleid"),
                "You don't have the permission to assign this role",
            );
            return Err(error(
                "moodle_exception",
                "wsusercannotassign",
                &format!("{words} ({role}) to this user ({user}) in this course ({course})."),
            ));
        }
        if course == 1 || !found.manual {
            return Err(no_instance());
        }
        if !self.users.contains_key(&user) {
            return Err(error(
                "coding_exception",
                "codingerror",
                "Coding error detected, it must be fixed by a programmer: User ID does not exist or \
                 is deleted!",
            ));
        }
        let row = Row {
            timeend: of("timeend"),
            suspended: of("suspend") != 0,
        };
        self.rows.insert((user, course), row);
        Ok(Value::Null)
    }
}

const FUNCTIONS: [&str; 8] = [
    "core_course_get_courses_by_field",
    "core_enrol_get_enrolled_users",
    "core_enrol_get_users_courses",
    "core_user_create_users",
    "core_user_delete_users",
    "core_user_get_users_by_field",
    "core_webservice_get_site_info",
    "enrol_manual_enrol_users",
];

fn user(username: &str, email: &str) -> User {
    User {
        username: username.to_owned(),
        email: email.to_owned(),
        first: "Seeded".to_owned(),
        last: "Person".to_owned(),
        suspended: false,
        password: None,
        mailed: false,
        auth: "manual".to_owned(),
    }
}

fn course(shortname: &'static str, idnumber: &'static str, fullname: &'static str) -> Course {
    Course {
        shortname,
        idnumber,
        fullname,
        visible: true,
        manual: true,
    }
}

fn text<'p>(params: &'p Params, name: &str) -> &'p str {
    params.get(name).map_or("", String::as_str)
}

fn number(params: &Params, name: &str) -> u64 {
    text(params, name).parse().unwrap_or_default()
}

/// `options[3][name]` and `options[3][value]`.
fn options(params: &Params) -> BTreeMap<String, String> {
    (0..10)
        .filter_map(|place| {
            let name = params.get(&format!("options[{place}][name]"))?;
            let value = params.get(&format!("options[{place}][value]"))?;
            Some((name.clone(), value.clone()))
        })
        .collect()
}

fn is_address(text: &str) -> bool {
    let plain = !text.contains(char::is_whitespace);
    plain
        && text
            .split_once('@')
            .is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
}

/// Status 200, as every error of Moodle's.
pub fn error(exception: &str, code: &str, message: &str) -> Canned {
    Canned::json(
        200,
        &json!({"exception": exception, "errorcode": code, "message": message}),
    )
}

pub fn invalid_parameter() -> Canned {
    error(
        "invalid_parameter_exception",
        "invalidparameter",
        "Invalid parameter value detected",
    )
}

pub fn no_instance() -> Canned {
    error(
        "moodle_exception",
        "wsnoinstance",
        "Manual enrolment plugin instance doesn't exist or is disabled for the course (id = {$a->courseid})",
    )
}

pub fn no_permission(capability: &str) -> Canned {
    error(
        "required_capability_exception",
        "nopermissions",
        &format!("Sorry, but you do not currently have permissions to do that ({capability})."),
    )
}

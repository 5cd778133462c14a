//! A FAKE SCIM service with the habits of one vendor: to the letter of RFC 7644 (`Plain`), as Udemy
//! Business documents its own (`Udemy`), and as one that was written for Entra ID alone (`Entra`).

use std::sync::Mutex;

use serde_json::{Value, json};

use super::super::conformance::Trouble;
use super::super::crooked::{Asked, Canned, Role, Site};
use super::TOKEN;

pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    Plain,
    Udemy,
    Entra,
}

#[derive(Debug, Clone)]
pub struct User {
    pub id: String,
    pub name: String,
    pub external_id: String,
    pub active: bool,
    /// Made through SCIM.
    pub shown: bool,
}

#[derive(Debug, Clone)]
pub struct Group {
    pub id: String,
    pub title: String,
    pub members: Vec<String>,
    version: u64,
}

#[derive(Default)]
pub struct Store {
    pub users: Vec<User>,
    pub groups: Vec<Group>,
    pub seats: Option<usize>,
    /// The token sees nothing, and no error says so.
    pub hides_all: bool,
    pub refuses_addresses: bool,
    made: usize,
}

impl Store {
    /// As if somebody else had.
    pub fn put_user(&mut self, name: &str, active: bool, shown: bool) -> String {
        self.made += 1;
        let id = format!("u-{}", self.made);
        self.users.push(User {
            id: id.clone(),
            name: name.to_owned(),
            external_id: String::new(),
            active,
            shown,
        });
        id
    }

    pub fn user(&mut self, name: &str) -> Option<&mut User> {
        self.users.iter_mut().find(|user| user.name == name)
    }

    pub fn group(&mut self, id: &str) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.id == id)
    }

    /// Members of this group who may sign in under this name.
    pub fn count(&self, name: &str, group: &str) -> usize {
        let group = self.groups.iter().find(|found| found.id == group);
        let members = group.map_or(&[][..], |group| &group.members);
        let may = |user: &&User| user.active && user.name == name && members.contains(&user.id);
        self.users.iter().filter(may).count()
    }
}

pub struct Service {
    pub vendor: Vendor,
    pub store: Mutex<Store>,
}

impl Service {
    pub fn new(vendor: Vendor, groups: &[(&str, &str)]) -> Self {
        let groups = groups.iter().map(|(id, title)| Group {
            id: (*id).to_owned(),
            title: (*title).to_owned(),
            members: Vec::new(),
            version: 1,
        });
        Self {
            vendor,
            store: Mutex::new(Store {
                groups: groups.collect(),
                ..Store::default()
            }),
        }
    }

    fn users(&self, store: &Store, asked: &Asked) -> Canned {
        let named = match asked.query("filter") {
            None => None,
            Some(filter) => match filter.strip_prefix("userName eq ").and_then(quoted) {
                Some(name) => Some(name),
                None => return error(400, "invalidFilter", "unsupported filter"),
            },
        };
        let is_wanted = |user: &&User| {
            let shown = !store.hides_all && (user.shown || self.vendor != Vendor::Udemy);
            let alike = named.as_ref().is_none_or(|name| match self.vendor {
                Vendor::Udemy => *name == user.name,
                _ => name.eq_ignore_ascii_case(&user.name),
            });
            shown && alike
        };
        let found = store.users.iter().filter(is_wanted);
        page(found.map(|user| self.user(store, user)).collect(), asked)
    }

    fn user(&self, store: &Store, user: &User) -> Value {
        let groups = store.groups.iter().filter(|g| g.members.contains(&user.id));
        let groups: Vec<Value> = groups.map(|group| json!({"value": group.id})).collect();
        let mut said = json!({"id": user.id, "userName": user.name, "active": user.active});
        if !user.external_id.is_empty() {
            said["externalId"] = user.external_id.clone().into();
        }
        // Some never tell.
        if self.vendor != Vendor::Entra {
            said["groups"] = groups.into();
        }
        said
    }

    fn create(&self, store: &mut Store, body: &Value) -> Canned {
        let name = body["userName"].as_str().unwrap_or_default().to_owned();
        if name.is_empty() || !name.contains('@') || store.refuses_addresses {
            return error(400, "invalidValue", &format!("userName {name} is invalid"));
        }
        if store
            .users
            .iter()
            .any(|user| user.name.eq_ignore_ascii_case(&name))
        {
            return error(409, "uniqueness", &format!("{name} exists"));
        }
        if store.seats == Some(0) {
            return error(403, "", "No licenses available in any license pool");
        }
        let id = store.put_user(&name, body["active"] != false, true);
        let made = store.user(&name).unwrap();
        body["externalId"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut made.external_id);
        let made = made.clone();
        scim(201, &self.user(store, &made)).with("location", format!("/scim/v2/Users/{id}"))
    }

    fn change_user(&self, store: &mut Store, id: &str, body: &Value) -> Canned {
        let Some(user) = store.users.iter_mut().find(|user| user.id == id) else {
            return absent(id);
        };
        for operation in body["Operations"].as_array().unwrap() {
            match (self.op(operation), operation["path"].as_str()) {
                (Some("replace"), Some("active")) => {
                    user.active = operation["value"].as_bool().unwrap();
                }
                (Some("replace"), Some("externalId")) => {
                    operation["value"]
                        .as_str()
                        .unwrap()
                        .clone_into(&mut user.external_id);
                }
                _ => return error(400, "invalidPath", "no such attribute"),
            }
        }
        Canned::empty(204)
    }

    fn groups(&self, store: &Store, asked: &Asked) -> Canned {
        if store.hides_all {
            return page(Vec::new(), asked);
        }
        let found: Vec<&Group> = match asked.query("filter") {
            None => store.groups.iter().collect(),
            Some(filter) if self.vendor == Vendor::Entra => {
                let Some((id, member)) = group_and_member(filter) else {
                    return error(400, "invalidFilter", "unsupported filter");
                };
                let is_it = |g: &&Group| g.id == id && g.members.contains(&member);
                store.groups.iter().filter(is_it).collect()
            }
            Some(_) => return error(400, "invalidFilter", "unsupported filter"),
        };
        page(
            found.into_iter().map(|group| shown(group, asked)).collect(),
            asked,
        )
    }

    fn change_group(&self, store: &mut Store, id: &str, asked: &Asked) -> Canned {
        let known: Vec<String> = store.users.iter().map(|user| user.id.clone()).collect();
        let Some(group) = store.group(id) else {
            return absent(id);
        };
        if self.vendor == Vendor::Entra {
            match asked.header("if-match") {
                None => return error(428, "", "If-Match is required"),
                Some(version) if version != etag(group) => {
                    return error(412, "", "the group was changed");
                }
                Some(_) => {}
            }
        }
        for operation in asked.body["Operations"].as_array().unwrap() {
            if let Some(refusal) = self.change_members(group, operation, &known) {
                return refusal;
            }
        }
        group.version += 1;
        match self.vendor {
            Vendor::Udemy => scim(200, &shown(group, asked)),
            _ => Canned::empty(204),
        }
    }

    fn change_members(
        &self,
        group: &mut Group,
        operation: &Value,
        known: &[String],
    ) -> Option<Canned> {
        let path = operation["path"].as_str().unwrap_or_default();
        let by_filter = path
            .strip_prefix("members[value eq ")
            .and_then(|rest| rest.strip_suffix(']'))
            .and_then(quoted);
        let named = operation["value"][0]["value"].as_str().map(str::to_owned);
        match (self.op(operation), path, by_filter, named) {
            (Some("add"), "members", _, Some(user)) => {
                if !known.contains(&user) {
                    return Some(error(400, "invalidValue", "no such user"));
                }
                if !group.members.contains(&user) {
                    group.members.push(user);
                }
            }
            (Some("remove"), _, Some(user), _) if self.vendor != Vendor::Entra => {
                if self.vendor == Vendor::Udemy && !group.members.contains(&user) {
                    return Some(error(400, "noTarget", "not a member"));
                }
                group.members.retain(|member| *member != user);
            }
            (Some("remove"), "members", None, Some(user)) if self.vendor == Vendor::Entra => {
                group.members.retain(|member| *member != user);
            }
            // To the letter of the RFC: without a filter in the path it is all of them.
            (Some("remove"), "members", ..) => group.members.clear(),
            _ => return Some(error(400, "invalidPath", "this path is not supported")),
        }
        None
    }

    fn op<'o>(&self, operation: &'o Value) -> Option<&'static str> {
        let said: &'o str = operation["op"].as_str()?;
        ["add", "remove", "replace"].into_iter().find(|op| {
            let capital = format!("{}{}", op[..1].to_uppercase(), &op[1..]);
            match self.vendor {
                Vendor::Plain => said == *op,
                Vendor::Entra => said == capital,
                Vendor::Udemy => said.eq_ignore_ascii_case(op),
            }
        })
    }
}

impl Site for Service {
    /// Who has no account has no seat either: the look for an account is a read too.
    fn role(&self, asked: &Asked) -> Role {
        let parts = asked.parts();
        let of = parts.get(2).map(String::as_str);
        match (asked.method.as_str(), of) {
            // Without a version it only asks for one.
            ("PATCH", Some("Groups"))
                if self.vendor == Vendor::Entra && asked.header("if-match").is_none() =>
            {
                Role::Other
            }
            ("PATCH", Some("Groups")) => Role::Write,
            ("GET", Some("Users")) if asked.query("filter").is_some() => Role::Read,
            ("GET", Some("Users")) if parts.len() == 4 => Role::Read,
            ("GET", Some("Groups")) if asked.query("attributes").is_some() => Role::Read,
            ("GET", Some("Groups")) if asked.query("filter").is_some() => Role::Read,
            _ => Role::Other,
        }
    }

    fn answer(&self, asked: &Asked) -> Canned {
        let parts = asked.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let mut store = self.store.lock().unwrap();
        if asked.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return error(401, "", "Authorization failure");
        }
        match (asked.method.as_str(), parts.as_slice()) {
            ("GET", ["scim", "v2", "ServiceProviderConfig"]) => scim(
                200,
                &json!({"patch": {"supported": true}, "filter": {"supported": true},
                    "bulk": {"supported": false}, "etag": {"supported": true}}),
            ),
            ("GET", ["scim", "v2", "Users"]) => self.users(&store, asked),
            ("POST", ["scim", "v2", "Users"]) => self.create(&mut store, &asked.body),
            ("GET", ["scim", "v2", "Users", id]) => {
                let user = store.users.iter().find(|user| user.id == *id);
                user.map_or_else(|| absent(id), |user| scim(200, &self.user(&store, user)))
            }
            ("PATCH", ["scim", "v2", "Users", id]) => self.change_user(&mut store, id, &asked.body),
            ("GET", ["scim", "v2", "Groups"]) => self.groups(&store, asked),
            ("GET", ["scim", "v2", "Groups", id]) => match store.group(id) {
                Some(group) => {
                    let answer = scim(200, &shown(group, asked));
                    match self.vendor {
                        Vendor::Entra => answer.with("etag", etag(group)),
                        _ => answer,
                    }
                }
                None => absent(id),
            },
            ("PATCH", ["scim", "v2", "Groups", id]) => self.change_group(&mut store, id, asked),
            ("DELETE", ["scim", "v2", ..]) => error(501, "", "nothing is ever deleted"),
            _ => Canned::page(404, "<h1>Not found</h1>"),
        }
    }

    fn words(&self, trouble: Trouble) -> Option<Canned> {
        Some(match trouble {
            Trouble::Throttled(after) => {
                let answer = error(429, "", "Too many requests");
                match after {
                    Some(seconds) => answer.with("retry-after", seconds.to_string()),
                    None => answer,
                }
            }
            Trouble::Maintenance => Canned::page(503, "<h1>We will be back</h1>"),
            Trouble::ErrorInsideSuccess => Canned {
                status: 200,
                ..error(500, "", "Something went wrong")
            },
            Trouble::DatabaseDown | Trouble::DeadlockOnce => error(500, "", "Internal error"),
            Trouble::WrongHost | Trouble::MethodMissing => Canned::page(404, "<h1>Not found</h1>"),
            Trouble::RightMissingWritesRefused => error(403, "", "The token may only read"),
            Trouble::EchoesCredentials => error(
                400,
                "invalidValue",
                &format!("<b>Bearer</b> {TOKEN} of ada@example.com is odd"),
            ),
            _ => return None,
        })
    }
}

pub fn error(status: u16, kind: &str, detail: &str) -> Canned {
    // By the standard the status is text.
    let mut body = json!({"schemas": [ERROR], "status": status.to_string(), "detail": detail});
    if !kind.is_empty() {
        body["scimType"] = kind.into();
    }
    scim(status, &body)
}

fn scim(status: u16, body: &Value) -> Canned {
    Canned::typed(status, "application/scim+json", body.to_string())
}

fn absent(id: &str) -> Canned {
    error(404, "", &format!("Resource {id} not found"))
}

fn etag(group: &Group) -> String {
    format!("W/\"{}\"", group.version)
}

fn shown(group: &Group, asked: &Asked) -> Value {
    let mut said = json!({"id": group.id, "displayName": group.title});
    if asked.query("excludedAttributes") != Some("members") {
        let members = group.members.iter().map(|id| json!({"value": id}));
        said["members"] = members.collect();
    }
    said
}

fn page(all: Vec<Value>, asked: &Asked) -> Canned {
    let number = |name: &str| {
        asked
            .query(name)
            .and_then(|text| text.parse::<usize>().ok())
    };
    let (start, count) = (
        number("startIndex").unwrap_or(1),
        number("count").unwrap_or(100),
    );
    let total = all.len();
    // A page of two, so that who reads one page only is found out.
    let some: Vec<Value> = all.into_iter().skip(start - 1).take(count.min(2)).collect();
    let body = json!({"schemas": [LIST], "totalResults": total, "startIndex": start,
        "itemsPerPage": some.len(), "Resources": some});
    scim(200, &body)
}

/// The text in quotes, as JSON has it; nothing may follow it.
fn quoted(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

fn group_and_member(filter: &str) -> Option<(String, String)> {
    let (id, member) = filter
        .strip_prefix("id eq ")?
        .split_once(" and members.value eq ")?;
    Some((quoted(id)?, quoted(member)?))
}

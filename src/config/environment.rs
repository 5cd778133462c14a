//! Settings from environment variables. `BURSAR_PAYMENTS__TOLERANCE` is `payments.tolerance`: two
//! underscores between levels, a number for a place in a list (`BURSAR_PAYMENTS__ACCOUNTS__0__BANK`).
//! The names that older shops use are understood too. A variable that is set to nothing is not set.

use std::collections::BTreeMap;

const PREFIX: &str = "BURSAR_";

/// Names with our prefix that are not settings: the file's path, the log filter.
const NOT_SETTINGS: [&str; 2] = ["BURSAR_CONFIG", "BURSAR_LOG"];

/// Variables that only the test suite reads.
const TESTS: &str = "BURSAR_TEST_";

/// One setting given by one variable.
#[derive(Debug)]
pub(super) struct Assignment {
    pub variable: String,
    pub path: Vec<String>,
    pub text: String,
    /// Yields to whatever the file or another variable says.
    pub only_if_unset: bool,
}

/// The variables of this process. Bytes that are not UTF-8 become U+FFFD and fail their check.
pub fn process_environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| {
        (
            name.to_string_lossy().into_owned(),
            value.to_string_lossy().into_owned(),
        )
    })
}

/// The path of the settings file, where a variable names one.
pub(super) fn config_path(variables: &BTreeMap<String, String>) -> Option<&str> {
    variables.get("BURSAR_CONFIG").map(String::as_str)
}

/// In the order in which they apply: older names, our own, then what follows from them.
pub(super) fn assignments(variables: &BTreeMap<String, String>) -> Vec<Assignment> {
    let mut all = older_names(variables);
    all.extend(variables.iter().filter_map(|(name, text)| own(name, text)));
    all.extend(implied_by_email_user(variables));
    all
}

fn own(name: &str, text: &str) -> Option<Assignment> {
    let rest = name.strip_prefix(PREFIX)?;
    if NOT_SETTINGS.contains(&name) || name.starts_with(TESTS) {
        return None;
    }
    let path = rest.to_ascii_lowercase();
    Some(assign(name, &path.split("__").collect::<Vec<_>>(), text))
}

fn older_names(variables: &BTreeMap<String, String>) -> Vec<Assignment> {
    let mut found = Vec::new();
    let mut take = |name: &str, paths: &[&[&str]], texts: &[&str]| {
        let pairs = paths.iter().zip(texts);
        found.extend(pairs.map(|(path, text)| assign(name, path, text)));
    };
    for (name, text) in variables {
        match name.as_str() {
            "SEPAY_API_KEY" => take(name, &[&["payments", "sepay", "api_key"]], &[text]),
            "API_SECRET_KEY" => take(name, &[&["worker", "secret"]], &[text]),
            "EMAIL_USER" => take(name, &[&["mail", "user"]], &[text]),
            "EMAIL_PASSWORD" => take(name, &[&["mail", "password"]], &[text]),
            "FRAPPE_LMS_BASE_URL" => take(
                name,
                &[&["lms", "lms", "kind"], &["lms", "lms", "base_url"]],
                &["frappe", text.trim_end_matches('/')],
            ),
            "FRAPPE_LMS_API_KEY" => {
                let (key, secret) = text.split_once(':').unwrap_or((text, ""));
                let mut texts = vec!["frappe", key];
                texts.extend((!secret.is_empty()).then_some(secret));
                let api_key: &[&str] = &["lms", "lms", "api_key"];
                let api_secret: &[&str] = &["lms", "lms", "api_secret"];
                take(
                    name,
                    &[&["lms", "lms", "kind"], api_key, api_secret],
                    &texts,
                );
            }
            _ => {}
        }
    }
    found
}

/// `EMAIL_USER` meant "send through this account": SMTP, from this address; for Gmail the server
/// is known. Each yields to an explicit setting.
fn implied_by_email_user(variables: &BTreeMap<String, String>) -> Vec<Assignment> {
    const NAME: &str = "EMAIL_USER";
    let Some(user) = variables.get(NAME) else {
        return Vec::new();
    };
    let mut implied = vec![
        assign(NAME, &["mail", "transport"], "smtp"),
        assign(NAME, &["mail", "from"], user),
    ];
    let domain = user.rsplit('@').next().unwrap_or_default();
    if ["gmail.com", "googlemail.com"].contains(&domain) {
        implied.push(assign(NAME, &["mail", "host"], "smtp.gmail.com"));
    }
    for assignment in &mut implied {
        assignment.only_if_unset = true;
    }
    implied
}

fn assign(variable: &str, path: &[&str], text: &str) -> Assignment {
    Assignment {
        variable: variable.to_owned(),
        path: path.iter().map(|step| (*step).to_owned()).collect(),
        text: text.to_owned(),
        only_if_unset: false,
    }
}

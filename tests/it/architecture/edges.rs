//! Which module may use which, and which library is used where. The table is the architecture: a
//! new line in it is a decision, and one that departs from the layers says why.

use super::Fault;
use super::source::Source;

/// Plain values: everybody may use them.
const VALUES: &[&str] = &[
    "ascii", "clock", "error", "fact", "id", "money", "outcome", "words",
];

/// What a module and those inside it may use, beside itself and the values.
const EDGES: &[(&str, &[&str])] = &[
    ("config", &[]),
    ("db", &[]),
    ("model", &["db"]),
    ("fulfilment", &["db", "model"]),
    ("connectors", &["config"]),
    ("emails", &[]),
    (
        "app",
        &["config", "connectors", "db", "fulfilment", "model"],
    ),
    // The counts of callers live as long as the process, so the App holds them; doors ask them.
    ("app", &["web::limits"]),
    // The same for downloads that run, and for the folder of stamped copies.
    (
        "app",
        &["web::downloads::traffic", "web::downloads::copies"],
    ),
    (
        "tasks",
        &["app", "connectors", "db", "emails", "fulfilment", "model"],
    ),
    ("queue", &["app", "db", "model", "tasks"]),
    // The sweep is a step without a task: nobody but the clock asks for it.
    ("queue", &["fulfilment::reconcile"]),
    (
        "web",
        &[
            "app",
            "config",
            "connectors::gateways",
            "emails",
            "fulfilment",
            "model",
        ],
    ),
    // A door opens the transaction for a step; SQL it has none (`habits::statements`).
    ("web", &["db::Db", "db::Tx"]),
    // Pages hand out links to the download server.
    ("web", &["connectors::destinations::links"]),
    // The seller's own worker claims and ends this one kind over HTTP, so its door is in `web`.
    ("web", &["tasks::hand_over"]),
    // The download server is a destination with a door: the bytes it sends are a store's.
    ("web::downloads", &["connectors::stores::Flow"]),
    ("cli", &["*"]),
    ("main", &["cli"]),
];

/// Who may name a library, or a part of the standard library. What is not listed is free.
const LIBRARIES: &[(&str, &[&str], &str)] = &[
    (
        "rusqlite",
        &["db"],
        "only db knows which database is below: write the script over Tx",
    ),
    (
        "tokio_postgres",
        &["db"],
        "only db knows which database is below: write the script over Tx",
    ),
    (
        "deadpool_postgres",
        &["db"],
        "only db knows which database is below: write the script over Tx",
    ),
    ("refinery", &["db"], "migrations belong to db"),
    // The demo is a client of the server it started.
    (
        "reqwest",
        &["connectors", "cli"],
        "calls to the outside are made by a connector, in a task's act phase",
    ),
    // The settings are held to the addresses that the mailer will accept.
    (
        "lettre",
        &["connectors", "config"],
        "mail is sent by connectors::mail, in a task's act phase",
    ),
    // The fakes of the outside world are servers.
    (
        "axum",
        &[
            "web",
            "cli",
            "connectors::lms::fake",
            "connectors::gateways::stripe::fake",
            "connectors::destinations::drive::fake",
        ],
        "HTTP stays in web: a step takes and returns plain values",
    ),
    (
        "askama",
        // The fakes are sites of their own, with one page each.
        &[
            "emails",
            "web",
            "connectors::lms::fake",
            "connectors::gateways::stripe::fake",
        ],
        "templates are rendered by emails and web",
    ),
    ("clap", &["cli"], "the command line stays in cli"),
    (
        "TcpStream",
        &["connectors", "db"],
        "calls to the outside are made by a connector",
    ),
    (
        "TcpListener",
        &[
            "web",
            "cli",
            "connectors::lms::fake",
            "connectors::gateways::stripe::fake",
            "connectors::destinations::drive::fake",
        ],
        "servers are started by a command",
    ),
    (
        "tokio",
        &[
            "app",
            "cli",
            "connectors",
            "db",
            "main",
            "queue",
            "tasks",
            "web",
        ],
        "steps, values and letters wait for nothing but the database: no runtime here",
    ),
];

/// Uses of `crate::…` (or enough `super::`) that the table does not allow.
pub(super) fn faults(sources: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|s| s.module() != "lib") {
        let from = source.module();
        for (at, target) in uses(source) {
            if !is_allowed(&from, &target) {
                let what = format!(
                    "{from} may not use {}: move the code to the layer that may (ARCHITECTURE.md), \
                     or decide a new line in tests/it/architecture/edges.rs",
                    target.join("::")
                );
                faults.push(Fault::at(&source.path, source.line_of(at), what));
            }
        }
    }
    faults
}

/// Lines of the table about modules that do not exist. The commands come last: not asked for.
pub(super) fn stale(sources: &[Source]) -> Vec<Fault> {
    let modules: Vec<String> = sources.iter().map(Source::module).collect();
    let exists = |name: &str| {
        let is_item = name
            .rsplit("::")
            .next()
            .is_some_and(|last| last.starts_with(char::is_uppercase));
        name == "*"
            || name == "cli"
            || is_item
            || modules.iter().any(|module| is_inside(module, name))
    };
    let named = EDGES
        .iter()
        .flat_map(|(from, to)| to.iter().chain([from]))
        .chain(LIBRARIES.iter().flat_map(|(_, places, _)| places.iter()));
    named
        .filter(|name| !exists(name))
        .map(|name| {
            let what = format!("there is no module {name}: take it out of the table");
            Fault::at("tests/it/architecture/edges.rs", 1, what)
        })
        .collect()
}

/// Libraries outside the modules that may know them.
pub(super) fn libraries(sources: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for source in sources {
        let module = source.module();
        for (library, places, why) in LIBRARIES {
            if places.iter().any(|place| is_inside(&module, place)) {
                continue;
            }
            faults.extend(Source::words(&source.code, library).map(|at| {
                let what = format!("{library} has no place in {module}: {why}");
                Fault::at(&source.path, source.line_of(at), what)
            }));
        }
    }
    faults
}

fn is_allowed(from: &str, target: &[String]) -> bool {
    let top = from.split("::").next().unwrap_or(from);
    let first = target[0].as_str();
    if first == top || VALUES.contains(&first) {
        return !VALUES.contains(&top) || first == top || is_value_below(top, first);
    }
    let path = target.join("::");
    EDGES
        .iter()
        .filter(|(module, _)| is_inside(from, module))
        .flat_map(|(_, targets)| *targets)
        .any(|allowed| *allowed == "*" || is_inside(&path, allowed))
}

/// Values know only simpler values.
fn is_value_below(value: &str, other: &str) -> bool {
    let below: &[&str] = match value {
        "fact" => &["ascii", "clock", "money"],
        "id" | "outcome" => &["clock"],
        _ => &[],
    };
    below.contains(&other)
}

fn is_inside(module: &str, outer: &str) -> bool {
    module
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every path from the root of the crate that a file names, and where.
fn uses(source: &Source) -> Vec<(usize, Vec<String>)> {
    let code = source.code.as_str();
    let mut found = Vec::new();
    for at in Source::words(code, "crate") {
        let rest = &code[at + "crate".len()..];
        if let Some(rest) = rest.strip_prefix("::") {
            expand(rest, &mut Vec::new(), &mut |path| found.push((at, path)));
        }
    }
    let depth = source.module().split("::").count();
    for at in Source::words(code, "super") {
        let rest = &code[at..];
        let ups = rest.split("::").take_while(|word| *word == "super").count();
        if ups >= depth && !code[..at].ends_with("super::") {
            let rest = &rest[ups * "super::".len()..];
            expand(rest, &mut Vec::new(), &mut |path| found.push((at, path)));
        }
    }
    for (_, path) in &mut found {
        if let Some(module) = owner(&path[0]) {
            module.clone_into(&mut path[0]);
        }
    }
    found
}

/// The module behind a macro, which lives at the root of the crate wherever it was written.
fn owner(name: &str) -> Option<&'static str> {
    match name {
        "args" | "statements" => Some("db"),
        _ if name.starts_with("_rust_i18n") => Some("words"),
        _ => None,
    }
}

/// Read `a::{b, c::d}` into `a::b` and `a::c::d`; returns what follows.
fn expand<'a>(
    text: &'a str,
    path: &mut Vec<String>,
    found: &mut impl FnMut(Vec<String>),
) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            let left = expand(rest, path, found);
            if left.len() == rest.len() {
                return left;
            }
            rest = left;
        }
    }
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*')
        .unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    if word.is_empty() {
        if !path.is_empty() {
            found(path.clone());
        }
        return rest;
    }
    let named = word != "self" && word != "*";
    if named {
        path.push(word.to_owned());
    }
    let rest = if let Some(deeper) = rest.strip_prefix("::") {
        expand(deeper, path, found)
    } else {
        if !path.is_empty() {
            found(path.clone());
        }
        without_alias(rest)
    };
    if named {
        path.pop();
    }
    rest
}

/// What follows `a as b`: the alias belongs to the path before it.
fn without_alias(rest: &str) -> &str {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    rest.strip_prefix(" as ")
        .map_or(rest, |alias| alias.trim_start_matches(is_name))
}

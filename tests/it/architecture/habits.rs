//! What one file at a time must keep to (STYLE.md).

use super::Fault;
use super::source::Source;

const LONGEST_FILE: usize = 500;
/// Tables of cases are long; what is said with them is not.
const LONGEST_TEST_FILE: usize = 700;
const LONGEST_HEAD: usize = 8;

const DRAWERS: &[&str] = &[
    "util",
    "utils",
    "common",
    "helper",
    "helpers",
    "manager",
    "service",
    "services",
    "misc",
    "types",
    "constants",
    "data",
    "info",
    "kit",
    "shared",
    "stuff",
    "lib2",
    "handler",
    "handlers",
];

pub(super) fn transactions_in_connectors(sources: &[Source]) -> Vec<Fault> {
    let connectors = sources
        .iter()
        .filter(|s| s.path.starts_with("src/connectors/"));
    each(connectors, &["Tx", "Db"], |word| {
        format!(
            "{word} has no place in a connector: prepare reads, act calls, record writes (src/tasks/mod.rs)"
        )
    })
}

/// SQL is in `model` only, and each module's list of it is in `model::statements()`.
pub(super) fn statements(sources: &[Source]) -> Vec<Fault> {
    let gathered = sources.iter().find(|s| s.path == "src/model/mod.rs");
    let gathered = gathered.map_or("", |s| s.code.as_str());
    let mut faults = Vec::new();
    for source in sources.iter().filter(|s| !s.path.starts_with("src/db/")) {
        for (at, _) in source.code.match_indices("statements! {") {
            let module = source.module();
            let what = match module.strip_prefix("model::") {
                None => {
                    "SQL is written in src/model/: give the noun a function and call it".to_owned()
                }
                Some(inside) if gathered.contains(&format!("{inside}::STATEMENTS")) => continue,
                Some(inside) => format!(
                    "these statements are not prepared at start: add {inside}::STATEMENTS to statements() in src/model/mod.rs"
                ),
            };
            faults.push(Fault::at(&source.path, source.line_of(at), what));
        }
    }
    faults
}

pub(super) fn lengths(sources: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for source in sources {
        let is_test = source.path.starts_with("tests/");
        let most = if is_test {
            LONGEST_TEST_FILE
        } else {
            LONGEST_FILE
        };
        let lines = source.text.lines().count();
        if lines > most {
            let what =
                format!("{lines} lines, {most} are the limit: what would its second name be?");
            faults.push(Fault::at(&source.path, most + 1, what));
        }
    }
    faults
}

pub(super) fn names(sources: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for source in sources {
        let path = source.path.trim_end_matches(".rs");
        if let Some(drawer) = path.split('/').find(|part| DRAWERS.contains(part)) {
            let what = format!(
                "{drawer} says nothing: name the file after what is in it, or put it beside its only caller"
            );
            faults.push(Fault::at(&source.path, 1, what));
        }
        for (at, _) in source.code.match_indices("fn do_") {
            let what = "name the function after what it does";
            faults.push(Fault::at(&source.path, source.line_of(at), what));
        }
        for at in Source::words(&source.code, "mod") {
            let name = source.code[at + 3..].trim_start();
            let end = name
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(0);
            if DRAWERS.contains(&&name[..end]) {
                let what = format!("a module called {} says nothing", &name[..end]);
                faults.push(Fault::at(&source.path, source.line_of(at), what));
            }
        }
    }
    faults
}

pub(super) fn allowances(sources: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for source in sources {
        for form in ["#[allow", "#![allow"] {
            faults.extend(source.code.match_indices(form).map(|(at, _)| {
                let what = "use #[expect(.., reason = \"..\")], which also ends when it is not needed any more";
                Fault::at(&source.path, source.line_of(at), what)
            }));
        }
        for (at, _) in source.code.match_indices("[expect(") {
            let end = source.code[at..].find(")]").unwrap_or(0);
            if !source.code[at..at + end].contains("reason") {
                faults.push(Fault::at(
                    &source.path,
                    source.line_of(at),
                    "say the reason",
                ));
            }
        }
    }
    faults
}

pub(super) fn sleepers(sources: &[Source]) -> Vec<Fault> {
    each(
        sources.iter(),
        &["sleep", "sleep_until", "sleep_ms"],
        |word| {
            format!(
                "{word}: move the clock, wait for the event, or drain the queue; a test never sleeps"
            )
        },
    )
}

pub(super) fn heads(sources: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    // The crate's own head is the map.
    for source in sources.iter().filter(|s| s.path != "src/lib.rs") {
        let head = source
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .count();
        let what = match head {
            0 => "begin with //! and say what the file is for, and what it does not do",
            1..=LONGEST_HEAD => continue,
            _ => "the head is longer than 8 lines: the rest belongs to the items it is about",
        };
        faults.push(Fault::at(&source.path, head.max(1), what));
    }
    faults
}

fn each<'a>(
    sources: impl Iterator<Item = &'a Source>,
    words: &[&'static str],
    what: impl Fn(&str) -> String,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for source in sources {
        for word in words {
            let places = Source::words(&source.code, word);
            faults.extend(places.map(|at| Fault::at(&source.path, source.line_of(at), what(word))));
        }
    }
    faults
}

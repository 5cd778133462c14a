//! What the documents name between backticks exists: `src/a.rs` is a file, `src/a.rs::name` is a
//! file with something of that name in it. Prose drifts; this part of it cannot.

use std::path::Path;

use super::source::{Source, files};
use super::{Fault, ROOT};

/// A name between backticks that begins so is a path of the repository.
const ROOTS: &[&str] = &[
    "src/",
    "tests/",
    "docs/",
    "migrations/",
    "templates/",
    "locales/",
    "assets/",
    "demo/",
    ".ci/",
    "bench/",
];

pub(super) fn faults() -> Vec<Fault> {
    let mut documents: Vec<String> = files("docs");
    let beside = [
        "README.md",
        "ARCHITECTURE.md",
        "STYLE.md",
        "CONTRIBUTING.md",
    ];
    documents.extend(beside.map(str::to_owned));
    let mut faults = Vec::new();
    for path in documents.iter().filter(|path| is_markdown(path)) {
        if let Ok(text) = std::fs::read_to_string(Path::new(ROOT).join(path)) {
            faults.extend(missing(path, &text));
        }
    }
    faults
}

/// What one document names in vain.
pub(super) fn missing(document: &str, text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (line, words) in text.lines().enumerate() {
        for name in words.split('`').skip(1).step_by(2) {
            if let Some(what) = is_path(name).then(|| look(name)).flatten() {
                faults.push(Fault::at(document, line + 1, what));
            }
        }
        for target in words
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
        {
            faults.extend(
                dead_link(document, target.0).map(|what| Fault::at(document, line + 1, what)),
            );
        }
    }
    faults
}

fn is_markdown(path: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|ending| ending == "md")
}

/// Patterns with a part to fill in are not paths.
fn is_path(name: &str) -> bool {
    ROOTS.iter().any(|root| name.starts_with(root)) && !name.contains(['<', '*', '{', ' ', '…'])
}

fn look(name: &str) -> Option<String> {
    let (path, item) = name
        .split_once("::")
        .map_or((name, None), |(path, item)| (path, Some(item)));
    let place = Path::new(ROOT).join(path);
    if !place.exists() {
        return Some(format!("{path} does not exist: mend the sentence"));
    }
    let item = item?;
    let source = Source::new(path, &std::fs::read_to_string(place).ok()?);
    let last = item.rsplit("::").next().unwrap_or(item);
    let defined = [
        "fn", "struct", "enum", "trait", "const", "static", "mod", "type",
    ]
    .iter()
    .any(|kind| {
        Source::words(&source.code, &format!("{kind} {last}"))
            .next()
            .is_some()
    });
    let variant =
        Source::words(&source.code, last).next().is_some() && last.starts_with(char::is_uppercase);
    (!defined && !variant).then(|| format!("there is no {item} in {path}: mend the sentence"))
}

/// A link to another file of the repository.
fn dead_link(document: &str, target: &str) -> Option<String> {
    let target = target.split('#').next().unwrap_or_default();
    if target.is_empty() || target.contains(':') {
        return None;
    }
    let folder = Path::new(ROOT).join(document);
    let place = folder.parent()?.join(target);
    (!place.exists()).then(|| format!("the link to {target} is dead"))
}

//! Files that the compiler would never look at, and lists that must be complete.

use std::path::Path;

use super::source::{Source, files};
use super::{Fault, ROOT};

/// Files that no `mod` declares: they would compile nowhere and test nothing.
pub(super) fn undeclared(sources: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for source in sources {
        let path = source.path.as_str();
        if ["src/lib.rs", "src/main.rs", "tests/it/main.rs"].contains(&path) {
            continue;
        }
        let parents = parents(path);
        let name = own_name(path);
        let declared = sources.iter().any(|other| {
            parents.contains(&other.path)
                && other.code.lines().any(|line| {
                    let words = line.trim().trim_end_matches(';');
                    line.contains("mod ") && words.ends_with(&format!("mod {name}"))
                })
        });
        if !declared {
            let what = format!(
                "nothing declares it: add `mod {name};` to {}",
                parents.join(" or ")
            );
            faults.push(Fault::at(path, 1, what));
        }
    }
    faults
}

/// `src/db/pg/wire.rs` is declared in `src/db/pg.rs` or `src/db/pg/mod.rs`.
fn parents(path: &str) -> Vec<String> {
    let own = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let folder = own.rsplit_once('/').map_or("", |(folder, _)| folder);
    if folder == "src" {
        return vec!["src/lib.rs".to_owned(), "src/main.rs".to_owned()];
    }
    if folder == "tests/it" {
        return vec!["tests/it/main.rs".to_owned()];
    }
    vec![format!("{folder}.rs"), format!("{folder}/mod.rs")]
}

fn own_name(path: &str) -> &str {
    let own = path.trim_end_matches(".rs").trim_end_matches("/mod");
    own.rsplit_once('/').map_or(own, |(_, name)| name)
}

/// Modules of the crate that its first page does not list.
pub(super) fn unmapped(sources: &[Source]) -> Vec<Fault> {
    let map = sources.iter().find(|s| s.path == "src/lib.rs").unwrap();
    let modules = map.code.lines().enumerate().filter_map(|(line, text)| {
        let name = text.strip_prefix("pub mod ")?.strip_suffix(';')?;
        Some((line + 1, name))
    });
    modules
        .filter(|(_, name)| {
            !map.text.contains(&format!("//! * [`{name}`]"))
                && !map.text.contains(&format!(", [`{name}`]"))
        })
        .map(|(line, name)| {
            let what = format!("{name} is not on the map: a line at the head of this file");
            Fault::at("src/lib.rs", line, what)
        })
        .collect()
}

/// Migrations in the folder that are not in the list, and gaps in their numbers.
pub(super) fn migrations() -> Vec<Fault> {
    let list = std::fs::read_to_string(Path::new(ROOT).join("src/db/migrate.rs")).unwrap();
    let mut names = files("migrations");
    names.sort_by_key(|path| number(path));
    let mut faults = Vec::new();
    for (place, path) in names.iter().enumerate() {
        if number(path) != Some(place + 1) {
            faults.push(Fault::at(
                path,
                1,
                format!("expected V{}__NAME.sql", place + 1),
            ));
        }
        let stem = own_name(path).trim_end_matches(".sql");
        if !list.contains(&format!("\"{stem}\"")) || !list.contains(&format!("/{path}\"")) {
            faults.push(Fault::at(
                path,
                1,
                "it never runs: list it in src/db/migrate.rs",
            ));
        }
    }
    faults
}

fn number(path: &str) -> Option<usize> {
    let name = path.rsplit('/').next()?.strip_prefix('V')?;
    name.split_once("__")?.0.parse().ok()
}

//! The rules of the house that no compiler checks, read off the sources as text. Every fault is
//! listed at once, with its place and what to do. `self_test` proves that each rule can fail.

mod documents;
mod edges;
mod habits;
mod self_test;
mod source;
mod tree;
mod vendors;

use std::sync::LazyLock;

use source::{Source, read_all};

/// The root of the repository.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    path: String,
    line: usize,
    what: String,
}

impl Fault {
    fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
        }
    }
}

#[track_caller]
fn assert_none(faults: &[Fault]) {
    let list: Vec<String> = faults
        .iter()
        .map(|f| format!("{}:{}: {}", f.path, f.line, f.what))
        .collect();
    assert!(list.is_empty(), "\n{}\n", list.join("\n"));
}

static PRODUCT: LazyLock<Vec<Source>> = LazyLock::new(|| read_all("src"));
static TESTS: LazyLock<Vec<Source>> = LazyLock::new(|| read_all("tests"));
static BOTH: LazyLock<Vec<Source>> = LazyLock::new(|| {
    [read_all("src"), read_all("tests")]
        .into_iter()
        .flatten()
        .collect()
});

#[test]
fn modules_use_only_the_modules_below_them() {
    assert_none(&edges::faults(&PRODUCT));
}

#[test]
fn the_table_of_edges_names_no_module_that_is_gone() {
    assert_none(&edges::stale(&PRODUCT));
}

#[test]
fn only_connectors_and_settings_name_a_vendor() {
    assert_none(&vendors::faults(&PRODUCT));
}

#[test]
fn each_library_is_used_only_where_it_belongs() {
    assert_none(&edges::libraries(&PRODUCT));
}

#[test]
fn connectors_see_no_transaction() {
    assert_none(&habits::transactions_in_connectors(&PRODUCT));
}

#[test]
fn sql_is_written_in_the_model_and_all_of_it_is_prepared_at_start() {
    assert_none(&habits::statements(&PRODUCT));
}

#[test]
fn no_file_is_too_long() {
    assert_none(&habits::lengths(&BOTH));
}

#[test]
fn no_module_is_a_drawer_and_no_function_merely_does() {
    assert_none(&habits::names(&BOTH));
}

#[test]
fn no_lint_is_switched_off_without_a_reason() {
    assert_none(&habits::allowances(&BOTH));
}

#[test]
fn no_test_sleeps() {
    assert_none(&habits::sleepers(&TESTS));
}

#[test]
fn every_file_says_in_a_few_lines_what_it_is_for() {
    assert_none(&habits::heads(&BOTH));
}

#[test]
fn every_source_file_is_part_of_the_program_or_of_the_tests() {
    assert_none(&tree::undeclared(&BOTH));
}

#[test]
fn every_module_is_on_the_map() {
    assert_none(&tree::unmapped(&PRODUCT));
}

#[test]
fn every_migration_is_run() {
    assert_none(&tree::migrations());
}

#[test]
fn what_the_documents_name_exists() {
    assert_none(&documents::faults());
}

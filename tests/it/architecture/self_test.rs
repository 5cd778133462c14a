//! Each rule finds what it forbids, at its line, and leaves its neighbour alone: a rule that cannot
//! fail is none.

use super::source::Source;
use super::{Fault, documents, edges, habits, tree, vendors};

type Rule = fn(&[Source]) -> Vec<Fault>;

/// The lines at which a rule finds fault with a file.
#[track_caller]
fn lines(rule: Rule, path: &str, text: &str) -> Vec<usize> {
    rule(&[Source::new(path, text)])
        .iter()
        .map(|fault| {
            assert_eq!(fault.path, path);
            fault.line
        })
        .collect()
}

#[test]
fn a_forbidden_edge_is_found_in_every_form_of_writing_it() {
    let step = "src/fulfilment/settle.rs";
    let forms = [
        "use crate::connectors::lms;",
        "use crate::{model, connectors};",
        "use crate::{model::{order, task}, web::frame as f};",
        "fn f() { crate::queue::start(); }",
        "use super::super::connectors;",
        "use super::super::{model, app::App};",
    ];
    for form in forms {
        assert_eq!(
            lines(edges::faults, step, &format!("\n{form}\n")),
            [2],
            "{form}"
        );
    }
    let allowed = "use crate::{db::Tx, model::order};\nuse super::price;\n// crate::web\nlet a = \"crate::web\";";
    assert!(lines(edges::faults, step, allowed).is_empty());
}

#[test]
fn a_part_of_a_module_may_be_allowed_without_the_rest() {
    let gateways = "use crate::connectors::gateways;";
    let lms = "use crate::connectors::lms;";
    let sources = "use crate::connectors::{gateways::Message, stores::Flow};";
    assert!(lines(edges::faults, "src/web/webhooks.rs", gateways).is_empty());
    assert_eq!(lines(edges::faults, "src/web/webhooks.rs", lms), [1]);
    assert_eq!(lines(edges::faults, "src/web/webhooks.rs", sources), [1]);
    assert!(lines(edges::faults, "src/web/downloads/door.rs", sources).is_empty());
    assert_eq!(
        lines(edges::faults, "src/web/shop/mod.rs", "use crate::db::Sql;"),
        [1]
    );
}

#[test]
fn values_know_only_simpler_values() {
    assert_eq!(
        lines(edges::faults, "src/clock.rs", "use crate::error::Error;"),
        [1]
    );
    assert!(lines(edges::faults, "src/fact.rs", "use crate::clock::Timestamp;").is_empty());
}

#[test]
fn a_library_out_of_place_is_found() {
    let cases = [
        ("src/model/order.rs", "rusqlite::Connection"),
        ("src/fulfilment/plan.rs", "tokio::spawn"),
        ("src/tasks/enrol.rs", "reqwest::Client"),
        ("src/web/shop/mod.rs", "tokio_postgres::Client"),
        ("src/tasks/enrol.rs", "axum::Json"),
    ];
    for (path, name) in cases {
        assert_eq!(
            lines(edges::libraries, path, &format!("\nuse {name};")),
            [2],
            "{name}"
        );
    }
    assert!(
        lines(
            edges::libraries,
            "src/db/pg.rs",
            "use tokio_postgres::Client;"
        )
        .is_empty()
    );
}

#[test]
fn a_line_of_the_table_without_its_module_is_found() {
    assert!(!edges::stale(&[Source::new("src/web/mod.rs", "")]).is_empty());
}

#[test]
fn a_vendor_is_found_in_code_and_in_text_but_not_in_a_comment() {
    let text = "let a = \"sepay\";\nstruct Moodle;\n// as Frappe does\n";
    assert_eq!(lines(vendors::faults, "src/app.rs", text), [1, 2]);
    assert!(lines(vendors::faults, "src/connectors/lms/mod.rs", text).is_empty());
}

#[test]
fn a_transaction_in_a_connector_is_found() {
    let text = "fn f(tx: &mut Tx<'_>, context: Txt) {}";
    assert_eq!(
        lines(
            habits::transactions_in_connectors,
            "src/connectors/quote.rs",
            text
        ),
        [1]
    );
    assert!(
        lines(
            habits::transactions_in_connectors,
            "src/tasks/enrol.rs",
            text
        )
        .is_empty()
    );
}

#[test]
fn sql_outside_the_model_or_off_the_list_is_found() {
    let sql = "crate::statements! {\n A = \"SELECT 1\";\n}";
    assert_eq!(lines(habits::statements, "src/web/shop/mod.rs", sql), [1]);
    assert_eq!(lines(habits::statements, "src/model/order.rs", sql), [1]);
    let list = Source::new("src/model/mod.rs", "[order::STATEMENTS]");
    let both = [Source::new("src/model/order.rs", sql), list];
    assert!(habits::statements(&both).is_empty());
}

#[test]
fn long_files_drawers_allowances_sleep_and_missing_heads_are_found() {
    assert_eq!(lines(habits::lengths, "src/a.rs", &"\n".repeat(501)), [501]);
    assert!(lines(habits::lengths, "tests/it/a.rs", &"\n".repeat(501)).is_empty());
    assert_eq!(lines(habits::names, "src/web/utils.rs", ""), [1]);
    assert_eq!(
        lines(habits::names, "src/a.rs", "\nmod helpers {}\nfn do_it() {}"),
        [3, 2]
    );
    assert_eq!(
        lines(habits::allowances, "src/a.rs", "\n#[allow(dead_code)]"),
        [2]
    );
    assert_eq!(
        lines(
            habits::allowances,
            "src/a.rs",
            "#[expect(dead_code)]\nfn f() {}"
        ),
        [1]
    );
    assert_eq!(
        lines(
            habits::sleepers,
            "tests/it/a.rs",
            "\ntokio::time::sleep(A).await;"
        ),
        [2]
    );
    assert!(
        lines(
            habits::sleepers,
            "tests/it/a.rs",
            "// sleep(1)\n\"sleep(1)\""
        )
        .is_empty()
    );
    assert_eq!(lines(habits::heads, "src/a.rs", "use std::fmt;"), [1]);
    assert_eq!(
        lines(habits::heads, "src/a.rs", &"//! More.\n".repeat(9)),
        [9]
    );
}

#[test]
fn an_undeclared_file_and_an_unmapped_module_are_found() {
    let parent = Source::new("tests/it/rules/mod.rs", "mod money;\nmod commonplace;");
    let root = Source::new("tests/it/main.rs", "mod rules;");
    let orphan = Source::new("tests/it/rules/common.rs", "");
    let child = Source::new("tests/it/rules/money.rs", "");
    let found = tree::undeclared(&[root, parent, orphan, child]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].path, "tests/it/rules/common.rs");
    let outside = Source::new("tests/other.rs", "");
    assert_eq!(
        tree::undeclared(&[outside]).len(),
        1,
        "cargo would not build it"
    );
    assert_eq!(
        lines(
            tree::unmapped,
            "src/lib.rs",
            "//! * [`a`]: a\npub mod a;\npub mod b;"
        ),
        [3]
    );
}

#[test]
fn a_document_that_names_what_is_not_there_is_found() {
    let text = "`src/lib.rs` and `src/gone.rs`\n`src/fulfilment/settle.rs::arrival`\n\
                `src/fulfilment/settle.rs::gone`\n[here](src/lib.rs) [there](gone.md)\n`src/<vendor>/mod.rs`";
    let found: Vec<usize> = documents::missing("STYLE.md", text)
        .iter()
        .map(|f| f.line)
        .collect();
    assert_eq!(found, [1, 3, 4]);
}

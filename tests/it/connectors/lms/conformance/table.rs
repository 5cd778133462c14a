//! The table connector × case, as `docs/conformance.md` has it.

use std::fmt::Write as _;
use std::path::Path;

use super::{CASES, ENTRIES, Verdict};

const PAGE: &str = "docs/conformance.md";

const HEAD: &str = "\
# What every LMS connector was tried for

One suite (`tests/it/connectors/lms/conformance`) runs each case against each connector. The platforms
behind them here are fakes that answer as the real ones were recorded to, and misbehave on request;
`./test --conformance` runs it all and writes this page. It can also be pointed at a real server: see
[Trying a real server](#trying-a-real-server).

✓ passed · – skipped: the platform cannot be brought into that state · n/a: the connector says by its
capabilities that it does not do this. The numbers lead to the reasons below the table.
";

const REAL: &str = "
## Trying a real server

Set these and run `./test --conformance`; the suite then runs against that server only, and prints its
table instead of writing this page.

| Variable | |
| --- | --- |
| `BURSAR_CONFORMANCE_URL` | address, as in `base_url` |
| `BURSAR_CONFORMANCE_KIND` | kind of connection, as in the settings |
| `BURSAR_CONFORMANCE_KEY`, `BURSAR_CONFORMANCE_SECRET` | as in `api_key` and `api_secret` |
| `BURSAR_CONFORMANCE_COURSE`, `BURSAR_CONFORMANCE_OTHER_COURSE` | two courses made for this; learners come and go there |
| `BURSAR_CONFORMANCE_OPTIONS` | other settings of the connection, as one line of TOML: `{ send_welcome_email = false }` |
| `BURSAR_CONFORMANCE_CASE` | only cases whose names contain this |

Learners get addresses under `bursar-conformance-…@example.com`. Everything that the suite wrote is taken
away again; what the platform does not let us remove is printed, as *left behind*. (Frappe lets only a
System Manager remove accounts, Moodle only who has `core_user_delete_users`.) Trouble on the wire
(lost answers, hangs, throttling, redirects) comes from a proxy inside the suite, so the server itself
never notices; what only its administrator could arrange is skipped.
";

pub async fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut reasons: Vec<String> = Vec::new();
    page += "\n| Case |";
    for entry in ENTRIES {
        write!(page, " {} |", entry.label).unwrap();
    }
    page += "\n| --- |";
    page += &" --- |".repeat(ENTRIES.len());
    page.push('\n');
    for (n, case) in CASES.iter().enumerate() {
        write!(page, "| {}{} |", case.name, about(case.about)).unwrap();
        for entry in ENTRIES {
            let cell = cell(&entry.results().await[n], &mut reasons);
            write!(page, " {cell} |").unwrap();
        }
        page.push('\n');
    }
    page.push('\n');
    for (n, reason) in reasons.iter().enumerate() {
        writeln!(page, "{}. {reason}", n + 1).unwrap();
    }
    page + REAL
}

fn about(words: &str) -> String {
    if words.is_empty() {
        String::new()
    } else {
        format!(" ({words})")
    }
}

fn cell(result: &Verdict, reasons: &mut Vec<String>) -> String {
    match result {
        Verdict::Passed => "✓".to_owned(),
        Verdict::Skipped(why) => format!("– {}", number(why, reasons)),
        Verdict::NotApplicable(why) => format!("n/a {}", number(why, reasons)),
        Verdict::Failed(_) => "**failed**".to_owned(),
    }
}

fn number(why: &str, reasons: &mut Vec<String>) -> usize {
    let known = reasons.iter().position(|reason| reason == why);
    known.unwrap_or_else(|| {
        reasons.push(why.to_owned());
        reasons.len() - 1
    }) + 1
}

#[tokio::test]
async fn the_table_in_the_documentation_is_what_the_suite_finds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let found = page().await;
    if std::env::var_os("BURSAR_CONFORMANCE_WRITE").is_some() {
        std::fs::write(&path, &found).unwrap();
        eprintln!("{found}");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == found,
        "{PAGE} is not what the suite finds: write it with ./test --conformance"
    );
}

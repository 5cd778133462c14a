//! One suite for every LMS connector: each case on each platform, and the table of what came of it.
//! A platform joins with one line in `platforms!` and an own implementation of [`Platform`].

mod at_work;
mod bench;
mod bodies;
mod cases;
mod faults;
mod frappe;
mod http_confirm;
mod learners;
mod lost;
mod mapping;
mod others;
mod platform;
mod proxy;
mod real;
mod table;
mod taking_back;
mod trap;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use tokio::sync::OnceCell;

pub use bench::{Bench, Ended, Skip};
pub use cases::CASES;
pub use platform::{Platform, Trouble};
pub use real::{Real, assert_all_pass};
pub use trap::Trap;

/// One thing that every connector must do, on a platform of its own.
pub struct Case {
    /// A sentence; unique.
    pub name: &'static str,
    /// What would go wrong without it, or how it is tried.
    pub about: &'static str,
    pub run: for<'b> fn(&'b Bench) -> LocalBoxFuture<'b, Ended>,
}

/// What came of one case on one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Skipped(String),
    /// By the connector's own capabilities.
    NotApplicable(String),
    Failed(String),
}

/// A platform's column of the table.
pub struct Entry {
    pub label: &'static str,
    start: fn() -> BoxFuture<'static, Box<dyn Platform>>,
    /// Run once, for the platform's own test and for the table.
    results: &'static OnceCell<Vec<Verdict>>,
}

impl Entry {
    /// One for each of [`CASES`], in their order.
    pub async fn results(&self) -> &[Verdict] {
        self.results
            .get_or_init(|| Box::pin(run_all(self.start)))
            .await
    }
}

macro_rules! platforms {
    ($($name:ident = $label:literal, $start:expr;)+) => {
        pub const ENTRIES: &[Entry] = &[$(Entry {
            label: $label,
            start: || Box::pin(async { Box::new($start.await) as Box<dyn Platform> }),
            results: {
                static RESULTS: OnceCell<Vec<Verdict>> = OnceCell::const_new();
                &RESULTS
            },
        }),+];

        $(#[tokio::test]
        async fn $name() {
            assert_conforms($label).await;
        })+
    };
}

platforms! {
    frappe_15_conforms = "Frappe LMS (framework 15)", frappe::Site::start(bursar::connectors::lms::fake::Framework::V15);
    batches_of_frappe_conform = "Frappe LMS, batches", frappe::Site::with_batches();
    http_confirm_conforms = "HTTP confirm", http_confirm::Endpoint::start(false);
    http_confirm_that_may_be_repeated_conforms = "HTTP confirm, repeat declared safe", http_confirm::Endpoint::start(true);
    frappe_of_today_conforms = "Frappe LMS (current)", frappe::Site::start(bursar::connectors::lms::fake::Framework::Current);
    moodle_conforms = "Moodle (4.3)", super::moodle::Site::start();
    canvas_conforms = "Canvas", super::canvas::Site::start();
    scim_to_the_letter_conforms = "SCIM 2.0 (plain)", super::scim::conforms::Seats::of(super::scim::vendor::Vendor::Plain);
    scim_of_udemy_conforms = "SCIM 2.0 (Udemy's habits)", super::scim::conforms::Seats::of(super::scim::vendor::Vendor::Udemy);
    scim_made_for_entra_conforms = "SCIM 2.0 (made for Entra ID)", super::scim::conforms::Seats::of(super::scim::vendor::Vendor::Entra);
    openedx_conforms = "Open edX", super::openedx::conforms::Site::start();
}

async fn assert_conforms(label: &str) {
    let entry = ENTRIES.iter().find(|entry| entry.label == label).unwrap();
    let results = entry.results().await;
    let failed: Vec<String> = CASES
        .iter()
        .zip(results)
        .filter_map(|(case, result)| match result {
            Verdict::Failed(why) => Some(format!("{}: {why}", case.name)),
            _ => None,
        })
        .collect();
    assert!(failed.is_empty(), "{label}:\n{}", failed.join("\n"));
    let passed = results.iter().filter(|r| **r == Verdict::Passed).count();
    assert!(passed >= 10, "{label}: only {passed} cases could be run");
}

pub async fn run_all(start: fn() -> BoxFuture<'static, Box<dyn Platform>>) -> Vec<Verdict> {
    let only = std::env::var("BURSAR_CONFORMANCE_CASE").unwrap_or_default();
    let mut results = Vec::new();
    for case in CASES {
        if !case.name.contains(&only) {
            results.push(Verdict::Skipped("not asked for".to_owned()));
            continue;
        }
        let bench = Bench::new(start().await);
        results.push(run_one(case, &bench).await);
    }
    results
}

/// A case that panics has failed, and what it leaves is still cleared away.
async fn run_one(case: &Case, bench: &Bench) -> Verdict {
    let ended = AssertUnwindSafe((case.run)(bench)).catch_unwind().await;
    bench.platform.behave().await;
    for left in bench.platform.tidy().await {
        eprintln!("{}: left behind: {left}", case.name);
    }
    match ended {
        Ok(Ok(())) => Verdict::Passed,
        Ok(Err(Skip::CannotBeHad(why))) => Verdict::Skipped(why),
        Ok(Err(Skip::NotApplicable(why))) => Verdict::NotApplicable(why),
        Err(panic) => Verdict::Failed(words(panic.as_ref())),
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|&words| words.to_owned()))
        .unwrap_or_else(|| "it panicked".to_owned())
}

#[test]
fn there_are_at_least_forty_cases_each_with_a_name_of_its_own() {
    assert!(CASES.len() >= 40, "{}", CASES.len());
    for (n, case) in CASES.iter().enumerate() {
        assert!(
            CASES[..n].iter().all(|other| other.name != case.name),
            "{} is there twice",
            case.name
        );
    }
}

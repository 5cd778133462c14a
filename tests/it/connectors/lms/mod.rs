//! One suite for every LMS connector, then what is peculiar to each.

mod canvas;
pub mod conformance;
mod frappe;
mod http_confirm;
mod mischief;
mod moodle;
mod recorded;
mod settings;
mod stage;
mod table;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bursar::config::{HttpConfirm, LmsConnection, Secret};
use bursar::connectors::Fault;
use bursar::connectors::http::Limits;
use bursar::connectors::lms::fake::{FakeLms, FakeLmsOptions, Framework};
use bursar::connectors::lms::{Learner, Lms, connect_within};

const COURSE: &str = "rust-for-shops";
const KEY: &str = "gra_01k2";
const API_KEY: &str = "k3y-that-must-not-show";
const API_SECRET: &str = "s3cret-that-must-not-show";

/// Long enough for an answer from this machine, short enough to wait for in vain.
const IMPATIENT: Limits = Limits {
    connect: Duration::from_millis(300),
    total: Duration::from_millis(300),
    body: 1024 * 1024,
};

fn ada() -> Learner {
    Learner {
        email: "ada@example.com".to_owned(),
        name: "Ada Lovelace".to_owned(),
    }
}

fn options() -> FakeLmsOptions {
    FakeLmsOptions {
        api_key: API_KEY.to_owned(),
        api_secret: API_SECRET.to_owned(),
        ..FakeLmsOptions::default()
    }
}

async fn site(framework: Framework) -> FakeLms {
    FakeLms::start(FakeLmsOptions {
        framework,
        ..options()
    })
    .await
    .unwrap()
}

/// A fake as it was recorded, and a patient connector to it.
async fn frappe() -> (FakeLms, Arc<dyn Lms>) {
    let fake = site(Framework::V15).await;
    let lms = connect_within(&fake.connection(), Limits::default()).unwrap();
    (fake, lms)
}

/// A connector for the one call that will wait in vain; all others use a patient one, so that a
/// busy machine fails no test.
fn impatient(connection: &LmsConnection) -> Arc<dyn Lms> {
    connect_within(connection, IMPATIENT).unwrap()
}

/// The settings of a shop-made endpoint as the fake has it.
fn endpoint(base_url: &str) -> LmsConnection {
    LmsConnection {
        kind: "http_confirm".to_owned(),
        confirm: Some(HttpConfirm {
            url: format!("{base_url}/api/method/lms.lms.payment_confirmation.confirm_payment"),
            auth: "bearer".to_owned(),
            credential: Some(Secret::new(API_KEY)),
            body: r#"{"user_email": "{{email}}", "course_id": "{{course}}", "paid_status": true,
                "payment_id": "{{key}}", "note": "{{name}} / {{order}}"}"#
                .to_owned(),
            success: "/message/success = true".to_owned(),
            already: Some("/message/error = already enrolled".to_owned()),
            repeat_is_safe: false,
        }),
        ..LmsConnection::default()
    }
}

fn kind(fault: &Fault) -> &'static str {
    match fault {
        Fault::Transient { .. } => "transient",
        Fault::ConnectionBroken { .. } => "connection_broken",
        Fault::MappingBroken { .. } => "mapping_broken",
        Fault::LearnerProblem { .. } => "learner_problem",
        Fault::Unknown { .. } => "unknown",
    }
}

/// What every sentence for the seller must be.
fn assert_fit_to_show(fault: &Fault) {
    let why = fault.to_string();
    assert!(!why.is_empty() && why.chars().count() <= 300, "{why}");
    for inside in [
        API_KEY,
        API_SECRET,
        "Traceback",
        "ada@example.com",
        "student@",
        "<",
        ".py",
    ] {
        assert!(!why.contains(inside), "{inside:?} in {why:?}");
    }
}

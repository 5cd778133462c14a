//! The table of answers: each file in `fixtures/frappe` is one answer (status, headers and error
//! class as seen on a running Frappe 15.55 with LMS 2.61, or on what stands in its place), and what
//! it means to each call that can meet it.

use std::collections::BTreeMap;
use std::path::Path;

use bursar::connectors::lms::fake::{Call, Canned, Mischief};
use serde_json::Value;

use super::*;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[expect(dead_code, reason = "for the reader of the fixture")]
    seen: String,
    status: u16,
    content_type: String,
    header: Option<Header>,
    body: Value,
    means: BTreeMap<String, String>,
    says: Option<String>,
    after_seconds: Option<u64>,
}

#[derive(serde::Deserialize)]
struct Header {
    name: String,
    value: String,
}

impl Row {
    fn canned(&self) -> Canned {
        Canned {
            status: self.status,
            content_type: self.content_type.clone(),
            header: self
                .header
                .as_ref()
                .map(|h| (h.name.clone(), h.value.clone())),
            body: match &self.body {
                Value::String(page) => page.clone(),
                json => json.to_string(),
            },
        }
    }
}

fn rows() -> Vec<(String, Row)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/frappe");
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let row = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, row)
        })
        .collect()
}

/// Plays the answer to one call of the connector.
async fn play(fake: &FakeLms, lms: &dyn Lms, call: &str, answer: Canned) -> Option<Fault> {
    let spoilt = match call {
        "ping" => Call::WhoAmI,
        "find_course" => Call::CourseList,
        "read" => Call::EnrolmentList,
        "create_learner" => Call::UserCreate,
        "enrol" => Call::EnrolmentCreate,
        "withdraw" => Call::EnrolmentDelete,
        other => panic!("no call {other}"),
    };
    fake.misbehave(spoilt, [Mischief::Answer(answer)]);
    match call {
        "ping" => lms.ping().await.err(),
        "find_course" => lms.find_course(COURSE).await.err(),
        "read" => lms.read_enrolment(&ada(), COURSE).await.err(),
        "create_learner" => lms.ensure_learner(&ada()).await.err(),
        "enrol" => lms.enrol(&ada(), COURSE, KEY).await.err(),
        _ => lms.withdraw(&ada(), COURSE, "v2642fp6m9").await.err(),
    }
}

#[tokio::test]
async fn every_answer_of_the_table_means_what_the_table_says() {
    let (fake, lms) = frappe().await;
    let rows = rows();
    assert!(rows.len() >= 25, "fixtures are missing");
    for (name, row) in &rows {
        for (call, meaning) in &row.means {
            let fault = play(&fake, lms.as_ref(), call, row.canned()).await;
            let found = fault.as_ref().map_or("success", kind);
            assert_eq!(found, meaning, "{name} on {call}: {fault:?}");
            let Some(fault) = fault else { continue };
            assert_fit_to_show(&fault);
            let says = row.says.as_deref().unwrap_or_default();
            assert!(
                fault.to_string().contains(says),
                "{name} on {call}: {fault}"
            );
            if let Fault::Transient { after, .. } = &fault {
                let asked = row.after_seconds.map(Duration::from_secs);
                assert_eq!(*after, asked, "{name} on {call}");
            }
        }
    }
    assert_eq!(fake.enrolments(), [], "no canned answer writes anything");
}

#[tokio::test]
async fn a_pause_of_years_is_not_granted() {
    let (fake, lms) = frappe().await;
    fake.misbehave(Call::WhoAmI, [Mischief::Throttled(1_000_000_000)]);
    let Err(Fault::Transient { after, .. }) = lms.ping().await else {
        panic!("throttling is transient");
    };
    assert_eq!(after, Some(Duration::from_hours(1)));
}

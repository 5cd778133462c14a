//! The table of answers: each file in `fixtures/canvas` is one answer, as Canvas's documents and
//! sources read, and what it means to each call that can meet it.

use super::super::recorded::rows;
use super::super::stage::Way;
use super::super::*;
use super::fake::FakeCanvas;

const COURSE: &str = "SKU-RUST-1";

async fn play(lms: &dyn Lms, call: &str) -> Option<Fault> {
    let new = Learner {
        email: "new@example.com".to_owned(),
        ..ada()
    };
    match call {
        "self" => lms.ping().await.err(),
        "course" => lms.find_course(COURSE).await.err(),
        "user" => lms.ensure_learner(&ada()).await.err(),
        "search" | "create" => lms.ensure_learner(&new).await.err(),
        "enrolments" => lms.read_enrolment(&ada(), COURSE).await.err(),
        "enrol" => lms.enrol(&ada(), COURSE, KEY).await.err(),
        "end" => lms.withdraw(&ada(), COURSE, "7").await.err(),
        "reactivate" => lms.restore(&ada(), COURSE, "7").await.err(),
        other => panic!("no call {other}"),
    }
}

#[tokio::test]
async fn every_answer_of_canvas_table_means_what_the_table_says() {
    let fake = FakeCanvas::start().await;
    fake.inside().store.add_user("ada@example.com");
    let lms = connect_within(&fake.connection(), Limits::default()).unwrap();
    let rows = rows("canvas");
    assert!(rows.len() >= 15, "fixtures are missing");
    for (name, row) in &rows {
        for (call, meaning) in &row.means {
            fake.stage.behave();
            fake.stage.once(call, Way::Say(row.canned()));
            let fault = play(lms.as_ref(), call).await;
            row.assert_means(&format!("{name} on {call}"), meaning, fault.as_ref());
        }
    }
    assert!(fake.inside().store.rows.is_empty(), "nothing was written");
}

//! The table of answers: each file in `fixtures/moodle` is one answer, as seen on a running Moodle 4.3
//! or as its sources read, and what it means to each call that can meet it.

use super::super::recorded::rows;
use super::super::stage::Way;
use super::super::*;
use super::fake::FakeMoodle;

const COURSE: &str = "SKU-RUST-1";

fn function(call: &str) -> &'static str {
    match call {
        "ping" => "core_webservice_get_site_info",
        "find_course" => "core_course_get_courses_by_field",
        "read" => "core_enrol_get_users_courses",
        "participants" => "core_enrol_get_enrolled_users",
        "find_user" => "core_user_get_users_by_field",
        "create_learner" => "core_user_create_users",
        "enrol" => "enrol_manual_enrol_users",
        other => panic!("no call {other}"),
    }
}

async fn play(lms: &dyn Lms, call: &str) -> Option<Fault> {
    let new = Learner {
        email: "new@example.com".to_owned(),
        ..ada()
    };
    match call {
        "ping" => lms.ping().await.err(),
        "find_course" => lms.find_course(COURSE).await.err(),
        "read" | "participants" => lms.read_enrolment(&ada(), COURSE).await.err(),
        "find_user" => lms.ensure_learner(&ada()).await.err(),
        "create_learner" => lms.ensure_learner(&new).await.err(),
        _ => lms.enrol(&ada(), COURSE, KEY).await.err(),
    }
}

#[tokio::test]
async fn every_answer_of_moodles_table_means_what_the_table_says() {
    let fake = FakeMoodle::start().await;
    fake.inside().store.add_user("ada@example.com");
    let lms = connect_within(&fake.connection(), Limits::default()).unwrap();
    let rows = rows("moodle");
    assert!(rows.len() >= 30, "fixtures are missing");
    for (name, row) in &rows {
        for (call, meaning) in &row.means {
            fake.stage.behave();
            fake.stage.once(function(call), Way::Say(row.canned()));
            let fault = play(lms.as_ref(), call).await;
            row.assert_means(&format!("{name} on {call}"), meaning, fault.as_ref());
        }
    }
    assert!(fake.inside().store.rows.is_empty(), "nothing was written");
}

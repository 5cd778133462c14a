//! What `doctor` says of learning platforms, in words that tell what to do.

use std::process::{Command, Output};

use bursar::connectors::lms::fake::{Call, Canned, FakeLms, FakeLmsOptions, Mischief};
use serde_json::json;

const CATALOGUE: &str = r#"
[[course]]
slug = "rust"
title = "Rust"
summary = "x"
url = "https://shop.example/rust"
price = 500000
rights = "own"
[[course.benefit]]
kind = "enrolment"
connection = "academy"
course = "rust-for-shops"

[[course]]
slug = "gone"
title = "Gone"
summary = "x"
url = "https://shop.example/gone"
price = 500000
rights = "own"
[[course.benefit]]
kind = "enrolment"
connection = "academy"
course = "no-longer-there"
"#;

/// `doctor` in a shop with this platform, after its catalogue was taken in.
async fn doctor(fake: &FakeLms) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("bursar.toml");
    let connection = fake.connection();
    let secret = |secret: Option<bursar::config::Secret>| secret.unwrap().expose().to_owned();
    let text = format!(
        "mode = \"development\"\npublic_url = \"http://shop.example\"\n\
         database = \"sqlite:{}\"\n\
         [[payments.accounts]]\nbank = \"MBBank\"\nnumber = \"0123499999\"\nholder = \"A\"\n\
         [lms.academy]\nkind = \"frappe\"\nbase_url = \"{}\"\napi_key = \"{}\"\napi_secret = \"{}\"\n",
        folder.path().join("bursar.db").display(),
        fake.base_url(),
        secret(connection.api_key),
        secret(connection.api_secret),
    );
    std::fs::write(&settings, text).unwrap();
    std::fs::write(folder.path().join("catalogue.toml"), CATALOGUE).unwrap();
    let run = move || {
        let mut last = None;
        for words in [&["catalogue", "import", "catalogue.toml"][..], &["doctor"]] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
            command.arg("--config").arg(&settings).args(words);
            command.env_clear().current_dir(folder.path());
            last = Some(command.output().unwrap());
        }
        last.unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

async fn said_by(fake: &FakeLms) -> String {
    let output = doctor(fake).await;
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn doctor_proves_rights_and_every_mapped_course() {
    let fake = FakeLms::start(FakeLmsOptions::default()).await.unwrap();
    let said = said_by(&fake).await;
    for line in [
        "ok     connection academy: bursar@example.com",
        "ok     connection academy: no right is missing",
        "ok     course rust: rust-for-shops",
        "WRONG  course gone: academy has no course no-longer-there: make it there, or mend its id",
    ] {
        assert!(said.contains(line), "{line:?} in:\n{said}");
    }
}

#[tokio::test]
async fn doctor_says_which_right_is_missing_and_who_gives_it() {
    let fake = FakeLms::start(FakeLmsOptions::default()).await.unwrap();
    let nobody = Canned::json(200, &json!({"data": []}));
    fake.misbehave_always(Call::UserList, Mischief::Answer(nobody));
    let student = Canned::json(200, &json!({"data": {"roles": [{"role": "LMS Student"}]}}));
    fake.misbehave_always(Call::UserGet, Mischief::Answer(student));
    let said = said_by(&fake).await;
    assert!(
        said.contains("cannot see learners, itself included: give it the role Moderator"),
        "{said}"
    );
    assert!(said.contains("has none of the roles Moderator"), "{said}");
}

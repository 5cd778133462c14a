//! `bursar connect`, as a process: by a script, and by a person at a terminal. Behind it are fakes of
//! platforms over HTTP.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bursar::config::Config;
use bursar::connectors::lms::KINDS;
use tempfile::TempDir;

use crate::connectors::lms::crooked::Crooked;
use crate::connectors::lms::scim::vendor::{Service, Vendor};
use crate::connectors::lms::scim::{COURSE, TOKEN, groups};
use crate::harness::commands::Said;
use crate::harness::terminal::{Keys, Terminal};

/// A file that somebody keeps by hand.
const KEPT: &str = r#"# The shop of Chi.   Two  spaces matter to her.
mode = "development" # for now

[lms.trial]
kind = "fake"   # before the real one

[shop]
name = "Chi's" # odd, and hers
"#;

struct Desk {
    folder: TempDir,
    fake: Crooked<Service>,
}

impl Desk {
    async fn new() -> Self {
        let desk = Self {
            folder: TempDir::new().unwrap(),
            fake: Crooked::start(Service::new(Vendor::Plain, &groups())).await,
        };
        fs::write(desk.settings(), KEPT).unwrap();
        desk
    }

    fn settings(&self) -> std::path::PathBuf {
        self.folder.path().join("bursar.toml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.settings()).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
        command
            .args(arguments)
            .env_clear()
            .env("BURSAR_LOG", "error")
            .env("SEATS_TOKEN", TOKEN)
            .current_dir(self.folder.path());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, "").await
    }

    async fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let command = self.command(arguments);
        said(command, input.to_owned()).await
    }

    /// Everything but the secret.
    fn add<'a>(address: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec![
            "connect",
            "add",
            "seats",
            "--kind",
            "scim",
            "--set",
            address,
            "--set",
            "scim.sign_in_url=https://company.example.com/",
        ];
        arguments.extend(more);
        arguments
    }

    fn address(&self) -> String {
        format!("base_url={}/scim/v2/", self.fake.base())
    }
}

async fn said(mut command: Command, input: String) -> Said {
    let run = move || {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Who does not read it, does not: that is no failure of the test.
        let _unread = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_script_adds_a_connection_and_the_rest_of_the_file_stays_as_it_was() {
    let desk = Desk::new().await;
    let address = desk.address();
    let arguments = Desk::add(&address, &["--secret-from", "scim.token=SEATS_TOKEN"]);
    let said = desk.run(&arguments).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("ok     connection seats: SCIM at"),
        "{said:?}"
    );
    assert!(
        said.out
            .contains("ok     connection seats: no right is missing"),
        "{said:?}"
    );
    assert!(!format!("{said:?}").contains(TOKEN));
    let text = desk.text();
    let written = format!(
        "\n# Added by `bursar connect add`.\n[lms.seats]\nkind = \"scim\"\n\
         base_url = \"{}/scim/v2\"\n\n[lms.seats.scim]\ntoken = \"{TOKEN}\"\n\
         quirks = \"plain\"\nplatform_mails = false\n\
         sign_in_url = \"https://company.example.com\"\nfrees_seats = false\n",
        desk.fake.base()
    );
    assert!(text.contains(&written), "{text}");
    assert_eq!(text.replace(&written, ""), KEPT);
    assert_eq!(mode_of(&desk.settings()), 0o600, "a secret stands in it");
    let config = Config::load(Some(&desk.settings()), []).unwrap();
    assert_eq!(config.lms.len(), 2);
}

#[tokio::test]
async fn secrets_come_from_standard_input_and_may_stay_in_the_environment() {
    let desk = Desk::new().await;
    let address = desk.address();
    let arguments = Desk::add(&address, &["--stdin", "--secrets", "environment"]);
    let said = desk
        .run_with(&arguments, &format!("scim.token = {TOKEN}\n"))
        .await;
    assert_eq!(said.code, 0, "{said:?}");
    let variable = "BURSAR_LMS__SEATS__SCIM__TOKEN";
    assert!(said.out.contains(&format!("set {variable}")), "{said:?}");
    let text = desk.text();
    assert!(!text.contains(TOKEN), "{text}");
    assert!(text.contains(&format!(
        "# Its secrets are in the environment: {variable}\n"
    )));
    assert!(Config::load(Some(&desk.settings()), []).is_err());
    let given = [(variable.to_owned(), TOKEN.to_owned())];
    Config::load(Some(&desk.settings()), given.clone()).unwrap();
    // What stands in that variable is neither asked for nor written.
    let again = Desk::add(&address, &["--replace"]);
    let mut command = desk.command(&again);
    command.envs(given);
    let said = said_by(command).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!desk.text().contains(TOKEN));
}

async fn said_by(command: Command) -> Said {
    said(command, String::new()).await
}

#[tokio::test]
async fn what_fails_is_not_written_unless_the_seller_says_so() {
    let desk = Desk::new().await;
    let address = desk.address();
    let before = (desk.text(), mode_of(&desk.settings()));
    let wrong = Desk::add(&address, &["--stdin"]);
    let said = desk.run_with(&wrong, "scim.token=wr0ng\n").await;
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.out
            .contains("WRONG  connection seats: The platform does not accept"),
        "{said:?}"
    );
    assert!(!format!("{said:?}").contains("wr0ng"), "{said:?}");
    assert_eq!((desk.text(), mode_of(&desk.settings())), before);
    let insisting = Desk::add(&address, &["--stdin", "--despite-faults"]);
    let said = desk.run_with(&insisting, "scim.token=wr0ng\n").await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(desk.text().contains("token = \"wr0ng\""));
}

#[tokio::test]
async fn a_course_that_is_not_there_is_not_mapped() {
    let desk = Desk::new().await;
    let address = desk.address();
    let secret = ["--secret-from", "scim.token=SEATS_TOKEN"];
    let arguments = [Desk::add(&address, &secret), vec!["--course", "g-none"]].concat();
    let said = desk.run(&arguments).await;
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.out.contains("the platform has no course g-none"),
        "{said:?}"
    );
    assert_eq!(desk.text(), KEPT);
}

#[tokio::test]
async fn a_secret_on_the_command_line_is_refused_and_a_taken_name_too() {
    let desk = Desk::new().await;
    let address = desk.address();
    let secret = format!("scim.token={TOKEN}");
    let said = desk.run(&Desk::add(&address, &["--set", &secret])).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.err.contains("is a secret") && !said.err.contains(TOKEN),
        "{said:?}"
    );
    let said = desk
        .run(&["connect", "add", "trial", "--kind", "fake"])
        .await;
    assert!(
        said.err.contains("has a connection \"trial\" already"),
        "{said:?}"
    );
    assert_eq!(desk.text(), KEPT);
}

#[tokio::test]
async fn what_is_missing_is_said_at_once_where_nobody_can_be_asked() {
    let desk = Desk::new().await;
    let said = desk
        .run(&["connect", "add", "seats", "--kind", "scim"])
        .await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.err.contains("not given: base_url, scim.token"),
        "{said:?}"
    );
    let said = desk.run(&["connect", "add", "seats"]).await;
    assert!(said.err.contains("not given: --kind"), "{said:?}");
    let odd = [
        "connect",
        "add",
        "--kind",
        "scim",
        "se ats",
        "--set",
        "base_url=https://x.example",
        "--secret-from",
        "scim.token=SEATS_TOKEN",
    ];
    let said = desk.run(&odd).await;
    assert!(
        said.err.contains("is not a usable name") && said.err.contains("sign_in_url"),
        "{said:?}"
    );
    assert_eq!(desk.text(), KEPT);
}

#[tokio::test]
async fn connections_are_listed_and_tried_by_name() {
    let desk = Desk::new().await;
    let address = desk.address();
    let secret = ["--secret-from", "scim.token=SEATS_TOKEN"];
    assert_eq!(desk.run(&Desk::add(&address, &secret)).await.code, 0);
    let said = desk.run(&["connect", "list"]).await;
    assert!(
        said.out.contains("trial") && said.out.contains(&desk.fake.base()),
        "{said:?}"
    );
    assert!(!said.out.contains(TOKEN));
    let said = desk.run(&["connect", "test", "seats"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    desk.fake.site.store.lock().unwrap().hides_all = true;
    let said = desk.run(&["connect", "test", "seats"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out
            .contains("WRONG  connection seats: The platform shows no group"),
        "{said:?}"
    );
    let said = desk.run(&["connect", "test", "none"]).await;
    assert!(said.err.contains("there are: seats, trial"), "{said:?}");
}

#[tokio::test]
async fn the_courses_that_are_mapped_already_are_tried_too() {
    let desk = Desk::new().await;
    let address = desk.address();
    let secret = ["--secret-from", "scim.token=SEATS_TOKEN"];
    assert_eq!(desk.run(&Desk::add(&address, &secret)).await.code, 0);
    let catalogue = desk.folder.path().join("catalogue.toml");
    for (course, code, says) in [
        (COURSE, 0, "ok     course rust: g-rust Rust for shops"),
        (
            "g-gone",
            1,
            "WRONG  course rust: the platform has no course g-gone",
        ),
    ] {
        fs::write(&catalogue, course_file() + &benefit(course)).unwrap();
        let said = desk.run(&["catalogue", "import", "catalogue.toml"]).await;
        assert_eq!(said.code, 0, "{said:?}");
        let said = desk.run(&["connect", "test", "seats"]).await;
        assert_eq!(said.code, code, "{said:?}");
        assert!(said.out.contains(says), "{said:?}");
    }
}

fn course_file() -> String {
    "# Chi's courses\n[[course]]\nslug = \"rust\" # the first\ntitle = \"Rust\"\nsummary = \"x\"\n\
     url = \"https://shop.example/rust\"\nprice = 500000\nrights = \"own\"\n"
        .to_owned()
}

fn benefit(course: &str) -> String {
    format!(
        "\n[[course.benefit]]\nkind = \"enrolment\"\nconnection = \"seats\"\ncourse = \"{course}\"\n"
    )
}

#[tokio::test]
async fn a_person_at_a_terminal_is_asked_and_the_secret_is_not_shown() {
    let desk = Desk::new().await;
    let catalogue = desk.folder.path().join("catalogue.toml");
    fs::write(&catalogue, course_file()).unwrap();
    let number = KINDS
        .iter()
        .position(|kind| kind.setup.kind == "scim")
        .unwrap()
        + 1;
    let (number, base) = (number.to_string(), format!("{}/scim/v2", desk.fake.base()));
    let conversation = [
        ("Which kind", Keys::Typed(number)),
        ("A name for it", Keys::typed("seats")),
        ("The SCIM address", Keys::typed("seats.example.com")),
        ("does not begin with https://", Keys::None),
        ("The SCIM address", Keys::Typed(base)),
        ("The SCIM token", Keys::Unseen(TOKEN.to_owned())),
        ("Which [plain]", Keys::typed("")),
        ("mail new learners", Keys::typed("no")),
        (
            "Where learners sign in",
            Keys::typed("https://company.example.com"),
        ),
        ("be deactivated", Keys::typed("")),
        ("Which of these", Keys::typed("1")),
        ("The slug of the course", Keys::typed("rust")),
        ("Write the secrets into", Keys::typed("")),
        ("Your catalogue file", Keys::typed("catalogue.toml")),
    ];
    let command = desk.command(&["connect", "add"]);
    let talked = tokio::task::spawn_blocking(move || Terminal::run(command, &conversation));
    let (shown, code) = talked.await.unwrap();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains(TOKEN), "{shown}");
    for kind in KINDS {
        assert!(
            shown.contains(kind.setup.title),
            "{} in {shown}",
            kind.setup.kind
        );
    }
    assert!(
        shown.contains("ok     course rust: g-rust Rust for shops"),
        "{shown}"
    );
    assert!(desk.text().contains(&format!("token = \"{TOKEN}\"")));
    let mapped = fs::read_to_string(&catalogue).unwrap();
    assert_eq!(mapped, course_file() + &benefit(COURSE));
}

#[tokio::test]
async fn a_new_file_is_private_and_a_link_stays_one() {
    let desk = Desk::new().await;
    let real = desk.folder.path().join("real.toml");
    fs::rename(desk.settings(), &real).unwrap();
    std::os::unix::fs::symlink(&real, desk.settings()).unwrap();
    let address = desk.address();
    let secret = ["--secret-from", "scim.token=SEATS_TOKEN"];
    assert_eq!(desk.run(&Desk::add(&address, &secret)).await.code, 0);
    assert!(fs::symlink_metadata(desk.settings()).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains(TOKEN));
    fs::remove_file(desk.settings()).unwrap();
    assert_eq!(desk.run(&Desk::add(&address, &secret)).await.code, 0);
    assert_eq!(mode_of(&desk.settings()), 0o600);
}

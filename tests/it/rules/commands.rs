//! The command line as a whole: what clap itself can find wrong in it, and what `doctor` says.

use std::process::{Command, Output};

use bursar::cli::Cli;
use bursar::clock::{Clock, Timestamp};
use clap::CommandFactory;

use crate::harness::sepay_api::{Canned, FakeSepay, TOKEN};

/// `doctor` with a shop that has one account, and this fake behind it.
async fn doctor(fake: &FakeSepay) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("bursar.toml");
    let sepay = fake.settings("v2");
    let text = format!(
        "mode = \"development\"\npublic_url = \"http://shop.example\"\n\
         database = \"sqlite:{}\"\n\
         [[payments.accounts]]\nbank = \"MBBank\"\nnumber = \"0123499999\"\nholder = \"A\"\n\
         [payments.sepay]\napi_token = \"{TOKEN}\"\napi_url = \"{}\"\n",
        folder.path().join("bursar.db").display(),
        sepay.api_url
    );
    std::fs::write(&settings, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
    command.arg("--config").arg(&settings).arg("doctor");
    command.env_clear().current_dir(folder.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    output.await.unwrap()
}

#[tokio::test]
async fn doctor_says_what_each_gateway_found_and_fails_when_something_is_wrong() {
    let fake = FakeSepay::start(&Clock::still(Timestamp(1_767_582_000_000))).await;
    fake.watch("0123499999", false);
    let output = doctor(&fake).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("ok     gateway sepay: the API token is accepted"),
        "{said}"
    );
    assert!(
        said.contains("WRONG  gateway sepay: account 0123499999"),
        "{said}"
    );
    assert!(
        said.contains("goes to http://shop.example/api/v1/payment/webhook"),
        "{said}"
    );
    assert!(!output.status.success());
}

#[tokio::test]
async fn doctor_goes_on_when_a_gateway_refuses_the_token() {
    let fake = FakeSepay::start(&Clock::still(Timestamp(1_767_582_000_000))).await;
    fake.instead(Canned::new(401, "{}"));
    let output = doctor(&fake).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("WRONG  gateway sepay: SePay does not accept the API token"),
        "{said}"
    );
    assert!(!said.contains(TOKEN) && !output.status.success());
}

#[test]
fn every_command_and_option_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_and_option_says_what_it_is_for() {
    fn silent(command: &clap::Command) -> Vec<String> {
        let mine = command.get_about().is_none();
        let options = command
            .get_arguments()
            .filter(|option| option.get_help().is_none());
        let mut found: Vec<String> = options
            .map(|option| format!("{} {}", command.get_name(), option.get_id()))
            .collect();
        if mine {
            found.push(command.get_name().to_owned());
        }
        found
            .into_iter()
            .chain(command.get_subcommands().flat_map(silent))
            .collect()
    }
    let found = silent(&Cli::command());
    assert!(found.is_empty(), "no help for {found:?}");
}

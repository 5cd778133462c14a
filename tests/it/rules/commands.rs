//! The command line as a whole: what clap itself can find wrong in it.

use bursar::cli::Cli;
use clap::CommandFactory;

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

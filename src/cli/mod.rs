//! The command line: a file per command. Commands that show or change orders work beside a running
//! server. What they print is for people; programs use the API. Nothing here uses `println!`, which
//! panics when its reader has gone.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, process_environment};
use crate::connectors::Connectors;
use crate::db::Db;
use crate::error::Error;
use crate::id::Mint;
use crate::model;
use crate::words::Locale;

mod catalogue;
mod coupon;
mod demo;
mod doctor;
mod grant;
mod key;
mod order;
pub mod report;
mod serve;
mod transfer;

/// Turns a paid course order into access, once, and shows everybody the truth while it does.
#[derive(Debug, Parser)]
#[command(name = "bursar", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Where settings and data are.
#[derive(Debug, Clone, clap::Args)]
struct Place {
    /// Settings file; else the one that `BURSAR_CONFIG` names, else ./bursar.toml if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// sqlite:PATH or postgres://…, instead of the settings' one.
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See one order go all the way, with nothing to install and no account anywhere.
    Demo(demo::Demo),
    /// Run the server: API, pages, downloads, and the queue's workers.
    Serve,
    /// Run the queue's workers only, beside servers on the same PostgreSQL.
    Worker,
    /// Create the database or bring it up to date, then stop.
    Migrate,
    /// Check settings, database, mail, gateways and learning platforms.
    Doctor,
    /// Import, export or check the catalogue.
    #[command(subcommand)]
    Catalogue(catalogue::Catalogue),
    /// Make, look at or stop coupons.
    #[command(subcommand)]
    Coupon(coupon::Coupon),
    /// Look at orders.
    #[command(subcommand)]
    Order(order::Order),
    /// Try grants again, or end them.
    #[command(subcommand)]
    Grant(grant::Grant),
    /// Make, list and revoke keys of the admin API.
    #[command(subcommand)]
    Key(key::Key),
    /// Sum up what moved, and hold it against the gateways' own lists.
    #[command(subcommand)]
    Report(report::Report),
    /// Look at transfers that wait for a person.
    #[command(subcommand)]
    Transfer(transfer::Transfer),
}

/// Parse the command line and do what it says.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    start_log(&cli.command);
    let done = match &cli.command {
        Command::Demo(demo) => demo.run().await,
        Command::Serve => serve::serve(&cli.place).await,
        Command::Worker => serve::work(&cli.place).await,
        Command::Migrate => serve::migrate(&cli.place).await,
        Command::Doctor => doctor::run(&cli.place).await,
        Command::Catalogue(command) => command.run(&cli.place).await,
        Command::Coupon(command) => command.run(&cli.place).await,
        Command::Order(command) => command.run(&cli.place).await,
        Command::Grant(command) => command.run(&cli.place).await,
        Command::Key(command) => command.run(&cli.place).await,
        Command::Report(command) => command.run(&cli.place).await,
        Command::Transfer(command) => command.run(&cli.place).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            remark(&format!("{e:#}"));
            ExitCode::FAILURE
        }
    }
}

fn start_log(command: &Command) {
    let usual = if matches!(command, Command::Demo(_)) {
        "error"
    } else {
        "info"
    };
    let filter = std::env::var("BURSAR_LOG").unwrap_or_else(|_| usual.to_owned());
    let filter = tracing_subscriber::EnvFilter::new(filter);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}

/// Print a text. A reader that has seen enough, such as `head`, is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}

/// Print a line while a command goes on: one that cannot be printed does not end it.
fn say(line: &str) {
    if let Err(e) = print(&format!("{line}\n")) {
        remark(&format!("cannot print: {e}"));
    }
}

/// What a person should read and a program that takes the output should not.
#[expect(
    clippy::print_stderr,
    reason = "errors and remarks of a command go to standard error"
)]
fn remark(text: &str) {
    eprintln!("bursar: {text}");
}

impl Place {
    /// The settings; every fault is in the error.
    fn settings(&self) -> anyhow::Result<Config> {
        let chosen = self
            .database
            .iter()
            .map(|url| ("BURSAR_DATABASE".to_owned(), url.clone()));
        let environment = process_environment().chain(chosen);
        Config::load(self.config.as_deref(), environment).map_err(|faults| {
            let list: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
            anyhow::anyhow!(
                "the settings have {} fault(s):\n{}",
                faults.len(),
                list.join("\n")
            )
        })
    }

    /// The database of a server that may be running, to look at.
    async fn to_read(&self) -> anyhow::Result<(Config, Db)> {
        let config = self.settings()?;
        let db = Db::open_to_read(&config.database, &model::statements()).await?;
        Ok((config, db))
    }

    /// The database of a server that may be running, to change something.
    async fn beside(&self) -> anyhow::Result<(Config, Db)> {
        let config = self.settings()?;
        let db = Db::open_beside(&config.database, &model::statements()).await?;
        Ok((config, db))
    }
}

/// A whole app over a database of its own.
async fn app(config: Config, clock: Clock) -> anyhow::Result<std::sync::Arc<App>> {
    let db = Db::open(&config.database, &model::statements()).await?;
    let world = Connectors::from_config(&config)?;
    App::new(config, db, world, clock, Mint::system()).await
}

/// The person at this terminal, for the audit.
fn operator() -> model::audit::Actor {
    let name = std::env::var("USER").unwrap_or_else(|_| "terminal".to_owned());
    model::audit::Actor::Operator(name)
}

/// What the API would say to a person who was refused, and not the code alone.
fn in_words(error: Error) -> anyhow::Error {
    let say = |key: String, values: &[(&'static str, String)]| {
        let values: Vec<_> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
        anyhow::anyhow!(Locale::En.fill(&key, &values))
    };
    match error {
        Error::Refused(refusal) => say(format!("error.{}", refusal.code), &refusal.values),
        Error::Invalid(faults) => match faults.first() {
            Some(fault) => say(format!("error.field.{}", fault.code), &fault.values),
            None => say("error.invalid_input".to_owned(), &[]),
        },
        other => other.into_anyhow(),
    }
}

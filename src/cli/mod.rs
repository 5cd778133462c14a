//! The command line: a file per command. Commands that show or change orders work beside a running
//! server. What they print is for people; programs use the API. Nothing here uses `println!`, which
//! panics when its reader has gone.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::{self, App};
use crate::clock::Clock;
use crate::config::{Config, process_environment};
use crate::connectors::Connectors;
use crate::db::Db;
use crate::error::{Error, FieldFault};
use crate::fulfilment::Policy;
use crate::id::Mint;
use crate::model::code::OrderCode;
use crate::model::{self, Moment};
use crate::words::Locale;

mod alerts;
mod catalogue;
mod connect;
mod content;
mod coupon;
mod demo;
mod doctor;
mod gateway;
mod gift;
mod grant;
mod key;
mod order;
mod refund;
pub mod report;
mod serve;
mod transfer;

/// What the process ends with when a step declined: nothing was changed, and nothing is broken. Other
/// failures end with 1, a command line that makes no sense with 2.
const DECLINED: u8 = 3;

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
    /// Connect a learning platform, look at connections, try one.
    #[command(subcommand)]
    Connect(connect::Connect),
    /// Publish versions of course files, and look at them.
    #[command(subcommand)]
    Content(content::Content),
    /// Make, look at or stop coupons.
    #[command(subcommand)]
    Coupon(coupon::Coupon),
    /// Look at orders, cancel one, write down money by hand.
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
    /// Look at transfers, and decide about those that wait for a person.
    #[command(subcommand)]
    Transfer(transfer::Transfer),
    /// Give money back, and say what became of it.
    #[command(subcommand)]
    Refund(refund::Refund),
    /// Give courses without a sale.
    Gift(gift::Gift),
    /// Set up what a gateway lets us set from here.
    #[command(subcommand)]
    Gateway(gateway::Gateway),
    /// Print what a person should see to, the oldest first; say that one is seen to.
    Alerts(alerts::Alerts),
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
        Command::Connect(command) => command.run(&cli.place).await,
        Command::Content(command) => command.run(&cli.place).await,
        Command::Coupon(command) => command.run(&cli.place).await,
        Command::Order(command) => command.run(&cli.place).await,
        Command::Grant(command) => command.run(&cli.place).await,
        Command::Key(command) => command.run(&cli.place).await,
        Command::Report(command) => command.run(&cli.place).await,
        Command::Transfer(command) => command.run(&cli.place).await,
        Command::Refund(command) => command.run(&cli.place).await,
        Command::Gift(gift) => gift.run(&cli.place).await,
        Command::Gateway(command) => command.run(&cli.place).await,
        Command::Alerts(command) => command.run(&cli.place).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            remark(&format!("{e:#}"));
            if e.is::<Declined>() {
                ExitCode::from(DECLINED)
            } else {
                ExitCode::FAILURE
            }
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
    /// The settings file, there or not.
    fn file(&self) -> PathBuf {
        let named = || std::env::var_os("BURSAR_CONFIG").filter(|name| !name.is_empty());
        let chosen = self.config.clone().or_else(|| named().map(PathBuf::from));
        chosen.unwrap_or_else(|| PathBuf::from("bursar.toml"))
    }

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

/// What a person's decision needs, beside a server that may be running: its queue finds what was
/// written within seconds.
struct Counter {
    config: Config,
    db: Db,
    policy: Policy,
    moment: Moment,
}

impl Place {
    async fn to_decide(&self) -> anyhow::Result<Counter> {
        let (config, db) = self.beside().await?;
        let policy = app::policy_of(&config)?;
        let moment = moment(&db).await?;
        Ok(Counter {
            config,
            db,
            policy,
            moment,
        })
    }
}

/// Now, by the database's clock and the person at this terminal.
async fn moment(db: &Db) -> anyhow::Result<Moment> {
    let clock = Clock::system();
    clock.correct(db.now().await.map_err(Error::into_anyhow)?);
    Ok(Moment {
        now: clock.now(),
        mint: Mint::system(),
        actor: operator(),
    })
}

/// An order code, as a person writes it.
fn order_code(text: &str, prefix: &str) -> crate::error::Result<OrderCode> {
    let wrong = || Error::Invalid(vec![FieldFault::new("order", "bad_code")]);
    OrderCode::parse(text, prefix).ok_or_else(wrong)
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

/// A refusal, in words: nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Declined(String);

/// What the API would say to a person who was refused, and not the code alone.
fn in_words(error: Error) -> anyhow::Error {
    let say = |key: String, values: &[(&'static str, String)]| {
        let values: Vec<_> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
        anyhow::Error::new(Declined(Locale::En.fill(&key, &values)))
    };
    match error {
        Error::Refused(refusal) => say(format!("error.{}", refusal.code), &refusal.values),
        Error::Invalid(faults) => match faults.first() {
            Some(fault) => say(format!("error.field.{}", fault.code), &fault.values),
            None => say("error.invalid_input".to_owned(), &[]),
        },
        Error::NotFound(_) => Declined(error.to_string()).into(),
        Error::Conflict(_) => say("error.conflict".to_owned(), &[]),
        other => other.into_anyhow(),
    }
}

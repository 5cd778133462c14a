//! What the books say about how the shop is: alerts, breakers, lists of gateways, and money that is not
//! where it should be yet. Work that waits for a person is no fault; an alert is one.

use std::time::Duration;

use super::Findings;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::connectors::Connectors;
use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::model::alert::{self, Alert};
use crate::model::connection::{self, Breaker};
use crate::model::open_money::{self, OpenMoney};
use crate::model::poll::{self, Poll};

/// A list that was not read for so many of its rounds, and an hour, is not read any more.
const MISSED_ROUNDS: u32 = 3;
const HOUR: Duration = Duration::from_hours(1);

/// What was read, at one moment.
struct Books {
    alerts: Vec<Alert>,
    breakers: Vec<Breaker>,
    polls: Vec<Poll>,
    money: OpenMoney,
}

/// How a moment is told to a person.
struct Times {
    now: Timestamp,
    utc_offset_minutes: i32,
}

pub(super) async fn examine(db: &Db, config: &Config, world: &Connectors, findings: &mut Findings) {
    let (now, books) = match read(db).await {
        Ok(read) => read,
        Err(e) => return findings.note("books", Err::<&str, _>(format!("{e:#}"))),
    };
    let times = Times {
        now,
        utc_offset_minutes: config.shop.utc_offset_minutes,
    };
    for breaker in books.breakers.iter().filter(|breaker| breaker.open) {
        let why = breaker.why.as_deref().unwrap_or("no reason given");
        let since = breaker.opened_at.map_or("?".to_owned(), |at| times.ago(at));
        let said = format!("out of order for {since}: {why}");
        findings.note(
            &format!("connection {}", breaker.name),
            Err::<&str, _>(said),
        );
    }
    for (gateway, teller) in &world.tellers {
        for listing in teller.abilities().listings {
            let subject = format!("{gateway}/{}", listing.name);
            let poll = books.polls.iter().find(|poll| poll.subject == subject);
            let found = list(poll, listing.every, &times);
            findings.note(&format!("list {subject}"), found);
        }
    }
    for alert in &books.alerts {
        let (kind, subject) = (&alert.kind, &alert.subject);
        let said = format!("for {}: {}", times.ago(alert.raised_at), alert.why);
        findings.note(&format!("alert {kind} {subject}"), Err::<&str, _>(said));
    }
    findings.note("inbox", Ok::<_, &str>(inbox(&books.money, &times)));
    findings.note(
        "money to give back",
        Ok::<_, &str>(owed(&books.money, &times)),
    );
}

async fn read(db: &Db) -> anyhow::Result<(Timestamp, Books)> {
    let clock = Clock::system();
    clock.correct(db.now().await.map_err(Error::into_anyhow)?);
    let books = db.read(|tx| Box::pin(look(tx)));
    Ok((clock.now(), books.await.map_err(Error::into_anyhow)?))
}

async fn look(tx: &mut Tx<'_>) -> Result<Books> {
    Ok(Books {
        alerts: alert::open(tx).await?,
        breakers: connection::all(tx).await?,
        polls: poll::all(tx).await?,
        money: open_money::count(tx).await?,
    })
}

fn list(poll: Option<&Poll>, every: Duration, times: &Times) -> Result<String, String> {
    let Some((poll, finished)) = poll.and_then(|poll| Some((poll, poll.finished_at?))) else {
        let why = poll.and_then(|poll| poll.why.clone());
        return why.map_or(Ok("not read yet; a running server does".to_owned()), Err);
    };
    let covered = poll.covered_to.map_or("?".to_owned(), |at| times.tell(at));
    let said = format!(
        "last whole round {} ago, covered until {covered}; {} item(s) seen, {} of them news",
        times.ago(finished),
        poll.items,
        poll.news
    );
    match &poll.why {
        Some(why) => Err(format!(
            "failed {} time(s) in a row: {why} ({said})",
            poll.failures
        )),
        None if times.now.since(finished) > every * MISSED_ROUNDS + HOUR => Err(format!(
            "not read any more: is the server running? ({said})"
        )),
        None => Ok(said),
    }
}

fn inbox(money: &OpenMoney, times: &Times) -> String {
    let one = |waiting: &open_money::Waiting| {
        let (count, class, age) = (waiting.transfers, waiting.class, times.ago(waiting.since));
        format!("{count} {class} (the oldest for {age})")
    };
    let classes: Vec<String> = money.waiting.iter().map(one).collect();
    match classes.as_slice() {
        [] => "no transfer waits for a person".to_owned(),
        classes => format!("waiting for a person: {}", classes.join(", ")),
    }
}

fn owed(money: &OpenMoney, times: &Times) -> String {
    let due = money.due.iter();
    let due = due.map(|due| format!("{} of {} transfer(s)", due.amount, due.transfers));
    let refunds = money.refunds.iter().map(|pending| {
        let (count, gateway) = (pending.refunds, &pending.gateway);
        let age = times.ago(pending.since);
        format!("{count} refund(s) under way by {gateway} (the oldest for {age})")
    });
    let all: Vec<String> = due.chain(refunds).collect();
    match all.as_slice() {
        [] => "none".to_owned(),
        all => all.join(", "),
    }
}

impl Times {
    fn tell(&self, at: Timestamp) -> String {
        at.local(self.utc_offset_minutes, "%Y-%m-%d %H:%M")
    }

    fn ago(&self, at: Timestamp) -> String {
        let minutes = self.now.since(at).as_secs() / 60;
        match (minutes / 60, minutes % 60) {
            (0, minutes) => format!("{minutes} min"),
            (hours @ 1..48, _) => format!("{hours} h"),
            (hours, _) => format!("{} days", hours / 24),
        }
    }
}

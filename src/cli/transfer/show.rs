//! `transfer show`: one transfer with its whole story, and the commands that would end it.

use std::fmt::{self, Write};

use crate::app;
use crate::cli::{self, Place, in_words};
use crate::clock::Timestamp;
use crate::fulfilment::inbox::{self, Fit, Look, Proposal};
use crate::fulfilment::suggest::Reason;
use crate::model::transfer::list;
use crate::words::Locale;

pub(super) async fn run(place: &Place, id: &str) -> anyhow::Result<()> {
    let (config, db) = place.to_read().await?;
    let policy = app::policy_of(&config)?;
    let asked = id.to_owned();
    let read = db.read(move |tx| {
        Box::pin(async move {
            let id = list::called(tx, &asked).await?;
            inbox::look(tx, &policy, &id).await
        })
    });
    let look = read.await.map_err(in_words)?;
    let offset = config.shop.utc_offset_minutes;
    let time = |at: Timestamp| at.local(offset, "%Y-%m-%d %H:%M:%S");
    let mut text = String::new();
    tell(&look, &time, &mut text)?;
    cli::print(&text)
}

fn tell(look: &Look, time: &impl Fn(Timestamp) -> String, out: &mut String) -> fmt::Result {
    tell_fields(look, time, out)?;
    for (order, amount) in &look.parts {
        writeln!(out, "  pays       {}  {order}", look.in_currency(*amount))?;
    }
    for refund in &look.refunds {
        let (amount, state, gateway) = (refund.amount, refund.state, &refund.gateway);
        writeln!(
            out,
            "  refund     {amount}  {state} through {gateway}  {}",
            refund.id
        )?;
    }
    writeln!(out, "\nWhat happened")?;
    for entry in &look.story {
        cli::order::tell_entry(entry, time, out)?;
    }
    if look.transfer.closed_at.is_none() {
        tell_ways_out(look, out)?;
    }
    Ok(())
}

fn tell_fields(look: &Look, time: &impl Fn(Timestamp) -> String, out: &mut String) -> fmt::Result {
    let transfer = &look.transfer;
    let mut field = |name: &str, value: &str| writeln!(out, "  {name:<10} {value}");
    field("transfer", &transfer.id.0)?;
    field("amount", &transfer.amount.to_string())?;
    field("class", transfer.class.as_str())?;
    field("direction", transfer.direction.as_str())?;
    field(
        "gateway",
        &format!("{}  {}", transfer.gateway, transfer.provider_id),
    )?;
    let sub = transfer.sub_account.as_ref();
    let sub = sub.map_or(String::new(), |sub| format!("  ({sub})"));
    field("account", &format!("{}{sub}", transfer.account))?;
    field("reference", &transfer.reference)?;
    for memo in transfer.memo.lines() {
        field("memo", memo)?;
    }
    if let Some(at) = transfer.booked_at {
        field("booked", &time(at))?;
    }
    field("came in", &time(transfer.received_at))?;
    if let Some(order) = &look.matched {
        field("order", order.as_str())?;
    }
    if transfer.surplus > 0 {
        let (surplus, returned) = (transfer.surplus, transfer.returned);
        let of = format!(
            "{}, went back {}",
            look.in_currency(surplus),
            look.in_currency(returned)
        );
        field("not needed", &of)?;
    }
    match (
        transfer.closed_at,
        &transfer.closed_by,
        &transfer.closed_why,
    ) {
        (Some(at), Some(by), Some(why)) => field("closed", &format!("{} by {by}: {why}", time(at))),
        _ => field("state", "waits for a person"),
    }
}

fn tell_ways_out(look: &Look, out: &mut String) -> fmt::Result {
    let id = &look.transfer.id;
    if look.left > 0 {
        writeln!(out, "\n{} is left of it", look.in_currency(look.left))?;
    }
    for proposal in &look.proposals {
        tell_proposal(look, proposal, out)?;
    }
    let named: Vec<&str> = look.proposals.iter().filter_map(named).collect();
    if named.len() > 1 {
        let codes = named.join(" ");
        writeln!(
            out,
            "\nFor all that the memo names\n  bursar transfer split {id} {codes} --why '…'"
        )?;
    }
    writeln!(out, "\nOr, whatever it was meant for")?;
    if look.left > 0 {
        writeln!(out, "  bursar transfer assign {id} ORDER --why '…'")?;
        writeln!(
            out,
            "  bursar transfer split {id} ORDER=AMOUNT ORDER --why '…'"
        )?;
        writeln!(
            out,
            "  bursar transfer give-back {id} --reference BANK-REFERENCE --why '…'"
        )?;
    }
    writeln!(out, "  bursar transfer discard {id} --why '…'")
}

/// An order that takes money, whose code is in the memo.
fn named(proposal: &Proposal) -> Option<&str> {
    let suggestion = &proposal.suggestion;
    let named = proposal.fit != Fit::No && suggestion.reasons.contains(&Reason::Code);
    named.then(|| suggestion.order.code.as_str())
}

fn tell_proposal(look: &Look, proposal: &Proposal, out: &mut String) -> fmt::Result {
    let (id, order) = (&look.transfer.id, &proposal.suggestion.order);
    let reasons = proposal.suggestion.reasons.iter();
    let words: Vec<_> = reasons
        .map(|reason| Locale::En.say(reason.key()).into_owned())
        .collect();
    let owed = look.in_currency(order.owed());
    let (code, status, email) = (&order.code, order.payment_status, &order.email);
    writeln!(out, "\n{code}  {status}, owes {owed}, of {email}")?;
    writeln!(out, "  {}", words.join("; "))?;
    match proposal.fit {
        Fit::Pays { over } => {
            if over > 0 {
                writeln!(out, "  pays it; {} would be left", look.in_currency(over))?;
            }
            writeln!(out, "  bursar transfer assign {id} {code} --why '…'")
        }
        Fit::Short { missing } => {
            let missing = look.in_currency(missing);
            writeln!(
                out,
                "  bursar transfer assign {id} {code} --why '…'   ({missing} stays owed)"
            )?;
            writeln!(
                out,
                "  bursar transfer accept {id} {code} --why '…'   (counts as paid)"
            )
        }
        Fit::No => writeln!(out, "  takes no money now"),
    }
}

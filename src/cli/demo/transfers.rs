//! Transfers that are not simply right: too little and then the rest, and one without a code, which a
//! person puts where it belongs.

use anyhow::{Context, ensure};

use super::stage::{Buyer, Placed, Stage, chapter};
use crate::error::Error;
use crate::fulfilment::inbox;
use crate::fulfilment::suggest::{self, Clue, Reason, Suggestion};
use crate::id::TransferId;
use crate::model::code::OrderCode;
use crate::model::transfer::{self, Class, Transfer};
use crate::money::Money;

const COURSE: &str = "ke-toan-ho-kinh-doanh";
/// What the first transfer falls short by.
const MISSING: i64 = 100_000;
/// A memo as people write it who have not read what to write.
const WITHOUT_CODE: &str = "MBVCB.4410.TRAN BINH chuyen tien hoc.CT tu 9704";

const LAN: Buyer = Buyer {
    email: "lan.pham@example.com",
    name: "Phạm Lan",
};
const BINH: Buyer = Buyer {
    email: "binh.tran@example.com",
    name: "Trần Bình",
};

pub(super) async fn tell(stage: &Stage<'_>) -> anyhow::Result<()> {
    chapter("Too little, then the rest");
    too_little(stage).await?;
    chapter("A transfer without a code");
    without_code(stage).await
}

async fn too_little(stage: &Stage<'_>) -> anyhow::Result<()> {
    let placed = stage.order(&LAN, &[COURSE], None).await?;
    let (total, part) = (placed.total, placed.total.minor - MISSING);
    stage.transfer(part, &placed.code).await?;
    stage.expect_payment(&placed, "pending").await?;
    ensure!(
        stage.booked(&placed).await?.owed() == MISSING,
        "the order does not ask for what is missing"
    );
    let page = stage.page(&placed.page).await?;
    let asked = format!("?amount={MISSING}");
    ensure!(
        page.contains(&asked),
        "the page's QR is not for what is missing"
    );
    stage.until_letter(&placed, "short").await?;
    let (came, missing) = (Money::vnd(part), Money::vnd(MISSING));
    stage.step(&format!(
        "{came} of {total} came: the order stays open, a new QR and a letter ask for {missing}"
    ));
    stage.transfer(MISSING, &placed.code).await?;
    stage.expect_payment(&placed, "paid").await?;
    stage.completed(&placed).await?;
    expect_classes(stage, &placed, &[Class::Short, Class::Combined]).await?;
    stage.until_seat(&LAN, COURSE, true).await?;
    stage.step("the rest came: paid by both together, the course is open");
    Ok(())
}

async fn without_code(stage: &Stage<'_>) -> anyhow::Result<()> {
    let placed = stage.order(&BINH, &[COURSE], None).await?;
    stage.transfer(placed.total.minor, WITHOUT_CODE).await?;
    stage.expect_payment(&placed, "pending").await?;
    let waiting = the_waiting(stage).await?;
    ensure!(waiting.class == Class::NoCode, "it is {}", waiting.class);
    stage.step(&format!(
        "{} came: it pays nothing by itself and waits in the inbox",
        waiting.amount
    ));
    let best = best_suggestion(stage, &waiting).await?;
    ensure!(best.order.id == placed.id, "another order is suggested");
    let told = [Reason::Amount, Reason::Name, Reason::Time];
    ensure!(
        told.iter().all(|reason| best.reasons.contains(reason)),
        "{:?}",
        best.reasons
    );
    stage.step(&format!(
        "order {} is suggested: the amount, the buyer's name, ordered just before",
        placed.code
    ));
    assign(stage, waiting.id, best.order.code).await?;
    stage.expect_payment(&placed, "paid").await?;
    stage.completed(&placed).await?;
    stage.until_seat(&BINH, COURSE, true).await?;
    stage.step("the seller assigned it: paid, the course is open");
    Ok(())
}

/// The one transfer that waits for a person.
async fn the_waiting(stage: &Stage<'_>) -> anyhow::Result<Transfer> {
    let read = stage.app.db.read(|tx| Box::pin(transfer::waiting(tx, 500)));
    let mut waiting = read.await.map_err(Error::into_anyhow)?;
    let last = waiting.pop();
    last.context("no transfer waits for a person")
}

async fn best_suggestion(stage: &Stage<'_>, transfer: &Transfer) -> anyhow::Result<Suggestion> {
    let policy = stage.app.desk.policy.clone();
    let clue = Clue {
        amount: transfer.amount,
        memos: transfer.memo.lines().map(str::to_owned).collect(),
        at: transfer.received_at,
    };
    let read = stage
        .app
        .db
        .read(move |tx| Box::pin(async move { suggest::suggest(tx, &policy, &clue).await }));
    let mut suggestions = read.await.map_err(Error::into_anyhow)?;
    ensure!(!suggestions.is_empty(), "no order is suggested");
    Ok(suggestions.remove(0))
}

async fn assign(stage: &Stage<'_>, id: TransferId, code: OrderCode) -> anyhow::Result<()> {
    stage
        .decide(move |tx, moment, policy| {
            Box::pin(async move {
                let why = "the buyer's name and the amount fit";
                inbox::assign(tx, &moment, &policy, &id, &code, why).await
            })
        })
        .await?;
    Ok(())
}

async fn expect_classes(
    stage: &Stage<'_>,
    placed: &Placed,
    wanted: &[Class],
) -> anyhow::Result<()> {
    let transfers = stage.transfers(placed).await?;
    let found: Vec<Class> = transfers.iter().map(|transfer| transfer.class).collect();
    ensure!(
        found == wanted,
        "the transfers are {found:?}, not {wanted:?}"
    );
    Ok(())
}

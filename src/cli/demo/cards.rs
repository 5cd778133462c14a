//! Cards: paid on the fake gateway's own page, told by its signed message; a refund of one course; a
//! dispute that the seller wins.

use anyhow::{Context, ensure};
use reqwest::StatusCode;

use super::stage::{Buyer, Placed, Stage, chapter, links};
use crate::connectors::gateways::stripe::fake::Claim;
use crate::connectors::gateways::stripe::{NAME, WEBHOOK_PATH};
use crate::error::Error;
use crate::fulfilment::refund::{self, Ask};
use crate::model::alert;
use crate::model::refund::{self as refunds, RefundState};

const KEPT: &str = "nhiep-anh-bang-dien-thoai";
const RETURNED: &str = "ke-toan-ho-kinh-doanh";

const CHI: Buyer = Buyer {
    email: "chi.le@example.com",
    name: "Lê Chi",
};

pub(super) async fn tell(stage: &Stage<'_>) -> anyhow::Result<()> {
    chapter("By card");
    forged(stage).await?;
    let placed = stage.order(&CHI, &[KEPT, RETURNED], None).await?;
    let payment = pay(stage, &placed).await?;
    chapter("One course goes back");
    give_back(stage, &placed).await?;
    chapter("The card's bank asks for the money, and the seller wins");
    dispute(stage, &placed, &payment).await
}

/// Whoever knows the address of the webhook does not know the secret.
async fn forged(stage: &Stage<'_>) -> anyhow::Result<()> {
    let url = format!("{}{WEBHOOK_PATH}", stage.app.config.public_url);
    let seconds = stage.app.clock.now().unix_seconds();
    let signature = format!("t={seconds},v1={}", "0".repeat(64));
    let request = stage.http.post(url).header("Stripe-Signature", signature);
    let status = request.body("{}").send().await?.status();
    ensure!(
        status == StatusCode::UNAUTHORIZED,
        "a message with a forged signature was answered with {status}"
    );
    stage.step("a message with a forged signature is refused");
    Ok(())
}

/// From the order's page to the gateway's and back; the payment's id over there.
async fn pay(stage: &Stage<'_>, placed: &Placed) -> anyhow::Result<String> {
    let door = format!("{}/pay/{NAME}", placed.page);
    let leave = stage.http.post(door).send().await?;
    ensure!(
        leave.status() == StatusCode::OK,
        "the way to the gateway answered {}",
        leave.status()
    );
    let checkout = links(&leave.text().await?, "/c/pay/").into_iter().next();
    let checkout = checkout.context("nothing leads to the gateway's page")?;
    let pressed = stage.http.post(checkout).form(&[("deed", "pay")]);
    let pressed = pressed.send().await?;
    let back = pressed.headers().get("location");
    let back = back.and_then(|to| to.to_str().ok()).unwrap_or_default();
    ensure!(
        back.starts_with(&placed.page),
        "the gateway does not lead back to the order"
    );
    stage.expect_payment(placed, "paid").await?;
    stage.step(&format!(
        "{} on the gateway's page: its signed message was here before the buyer was back",
        placed.total
    ));
    stage.completed(placed).await?;
    for course in [KEPT, RETURNED] {
        stage.until_seat(&CHI, course, true).await?;
    }
    stage.step("both courses are open");
    let payments = stage.cards.objects("payment_intent");
    let payment = payments.iter().find(|p| p["description"] == *placed.code);
    let payment = payment.and_then(|payment| payment["id"].as_str());
    payment
        .map(str::to_owned)
        .context("the gateway has no such payment")
}

async fn give_back(stage: &Stage<'_>, placed: &Placed) -> anyhow::Result<()> {
    let (order, ask) = (placed.id.clone(), ask());
    let decided = stage
        .decide(move |tx, moment, policy| {
            Box::pin(async move { refund::ask(tx, &moment, &policy, &order, &ask).await })
        })
        .await?;
    let amount = decided.first().context("nothing was decided")?.amount;
    stage
        .until("the gateway to pay back", async || {
            let order = placed.id.clone();
            let read = stage
                .app
                .db
                .read(move |tx| Box::pin(async move { refunds::of_order(tx, &order).await }));
            let all = read.await.map_err(Error::into_anyhow)?;
            Ok(all
                .iter()
                .all(|refund| refund.state == RefundState::Done)
                .then_some(()))
        })
        .await?;
    stage.expect_payment(placed, "partially_refunded").await?;
    stage.step(&format!("{amount} for one course went back to the card"));
    stage.until_seat(&CHI, RETURNED, false).await?;
    let kept = stage.seat(CHI.email, KEPT).await?;
    ensure!(kept.is_some(), "the other course ended too");
    stage.until_letter(placed, "refunded").await?;
    stage.step("its access ended, that to the other course did not; a letter says so");
    Ok(())
}

fn ask() -> Ask {
    Ask {
        course: Some(RETURNED.to_owned()),
        amount: None,
        keep_access: false,
        why: "the buyer changed their mind".to_owned(),
        reference: None,
    }
}

async fn dispute(stage: &Stage<'_>, placed: &Placed, payment: &str) -> anyhow::Result<()> {
    let dispute = stage.cards.dispute(payment, Claim::Chargeback)?;
    stage.until_seat(&CHI, KEPT, false).await?;
    expect_alert(stage, placed).await?;
    stage.step("while the bank looks into it, access rests, and the seller is alerted");
    stage.cards.close_dispute(&dispute, true)?;
    stage.until_seat(&CHI, KEPT, true).await?;
    let again = stage.seat(CHI.email, RETURNED).await?;
    ensure!(again.is_none(), "a course that was paid back came back");
    stage.step(
        "the bank decided for the seller: access is back, but for the course that was paid back",
    );
    Ok(())
}

async fn expect_alert(stage: &Stage<'_>, placed: &Placed) -> anyhow::Result<()> {
    let read = stage.app.db.read(|tx| Box::pin(alert::open(tx)));
    let open = read.await.map_err(Error::into_anyhow)?;
    let raised = open.iter().any(|alert| alert.subject == placed.id.0);
    ensure!(raised, "nobody is told of the dispute");
    Ok(())
}

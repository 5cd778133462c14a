//! A transfer that never happened: in demo mode our own webhook is sent, over real HTTP, what the
//! gateway would send. Only the money is a fake; everything from the socket on is the real road.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, ensure};
use reqwest::RequestBuilder;

use super::sepay;
use crate::clock::Timestamp;
use crate::config::{Payments, Sepay};
use crate::connectors;
use crate::money::Money;

/// The pretended transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pretended {
    /// The gateway's id of it; another for every transfer.
    pub id: i64,
    /// How much.
    pub amount: Money,
    /// What the payer wrote.
    pub memo: String,
    /// When.
    pub at: Timestamp,
}

/// Tell the server that listens at `listen` of a transfer into the first configured account.
pub async fn send(
    settings: &Payments,
    listen: SocketAddr,
    transfer: &Pretended,
) -> anyhow::Result<()> {
    let account = settings.accounts.first();
    let account = account.context("the demo needs a bank account to pretend with")?;
    let Pretended {
        id,
        amount,
        memo,
        at,
    } = transfer;
    let body = sepay::sample_webhook(*id, &account.number, *amount, memo, *at).to_string();
    let url = format!("http://{}/api/v1/payment/webhook", reachable(listen));
    let request = connectors::http()?
        .post(url)
        .header("content-type", "application/json");
    let request = proven(request, &settings.sepay, *at, &body)?;
    let answer = request
        .body(body)
        .send()
        .await
        .context("our own webhook cannot be reached")?;
    let status = answer.status();
    ensure!(
        status.is_success(),
        "our own webhook answered the pretended transfer with {status}"
    );
    Ok(())
}

/// With the proof that the gateway would give.
fn proven(
    request: RequestBuilder,
    settings: &Sepay,
    at: Timestamp,
    body: &str,
) -> anyhow::Result<RequestBuilder> {
    if let Some(secret) = &settings.hmac_secret {
        let seconds = at.unix_seconds();
        let signature = sepay::sign(secret, seconds, body.as_bytes());
        return Ok(request
            .header("x-sepay-timestamp", seconds)
            .header("x-sepay-signature", signature));
    }
    let key = settings.api_key.as_ref();
    let key = key.context("the demo needs a gateway secret to prove the transfer with")?;
    Ok(request.header("authorization", format!("Apikey {}", key.expose())))
}

/// A server that listens on every address is reached on this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other.ip(),
    };
    SocketAddr::new(ip, listen.port())
}

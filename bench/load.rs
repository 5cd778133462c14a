//! Buyers: each orders one course over HTTP and pays it by a webhook as SePay sends it.

use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context;
use bursar::clock::Clock;
use bursar::connectors::gateways::sepay;
use bursar::money::Money;
use futures_util::future::try_join_all;

use crate::http::Client;
use crate::server::{ACCOUNT, API_KEY, COURSE};

/// What is left to pay.
pub struct Ordered {
    pub id: String,
    pub code: String,
    pub total: i64,
}

/// Order one course for a buyer who has never ordered before.
pub async fn order(client: &mut Client) -> anyhow::Result<Ordered> {
    static BUYER: AtomicI64 = AtomicI64::new(1);
    let buyer = BUYER.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id();
    let body = format!(
        r#"{{"email":"buyer{buyer}.{process}@example.com","name":"Nguyễn An","courses":[{{"url":"{COURSE}"}}]}}"#
    );
    let answer = client
        .post("/api/v1/payment/create-order", "", &body)
        .await?;
    let text = |name: &str| {
        let found = answer[name].as_str().map(str::to_owned);
        found.with_context(|| format!("create-order answered no {name}"))
    };
    Ok(Ordered {
        id: text("orderId")?,
        code: text("orderCode")?,
        total: answer["totalAmount"].as_i64().context("no total")?,
    })
}

/// Pay it in full.
pub async fn pay(client: &mut Client, order: &Ordered) -> anyhow::Result<()> {
    static TRANSFER: AtomicI64 = AtomicI64::new(1);
    let id = TRANSFER.fetch_add(1, Ordering::Relaxed);
    let id = i64::from(std::process::id()) * 10_000_000 + id;
    let now = Clock::system().now();
    let body = sepay::sample_webhook(id, ACCOUNT, Money::vnd(order.total), &order.code, now);
    let headers = format!("Authorization: Apikey {API_KEY}\r\n");
    let answer = client
        .post("/api/v1/payment/webhook", &headers, &body.to_string())
        .await?;
    anyhow::ensure!(answer["paymentStatus"] == "paid", "not paid: {answer}");
    Ok(())
}

/// `count` times one piece of work, by so many at once, each on a connection of their own.
pub async fn crowd<T>(
    port: u16,
    concurrency: usize,
    count: usize,
    work: impl AsyncFn(&mut Client, usize) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<T>> {
    let next = &std::sync::atomic::AtomicUsize::new(0);
    let work = &work;
    let one = async || {
        let mut client = Client::connect(port).await?;
        let mut done = Vec::new();
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= count {
                return anyhow::Ok(done);
            }
            done.push(work(&mut client, turn).await?);
        }
    };
    let all = try_join_all((0..concurrency).map(|_| one())).await?;
    Ok(all.into_iter().flatten().collect())
}

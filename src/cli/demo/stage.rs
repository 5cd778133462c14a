//! What the demo's stories have at hand: they order, pay and look from the outside, over HTTP, as a shop
//! front end, a bank, a buyer and the platform's owner would. Only the seller's own decisions, and what
//! the books say of them, go by the steps that the commands take.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::future::BoxFuture;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::surroundings::Surroundings;
use crate::app::App;
use crate::cli::{in_words, say};
use crate::connectors;
use crate::connectors::gateways::demo::{self, Pretended};
use crate::connectors::gateways::stripe::fake::FakeStripe;
use crate::connectors::lms::{Enrolment, Learner};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::fulfilment::Policy;
use crate::id::OrderId;
use crate::model::Moment;
use crate::model::audit::{self, Actor};
use crate::model::catalogue::Catalogue;
use crate::model::email::{self, Email, EmailState};
use crate::model::order::{self, Order};
use crate::model::transfer::{self, Transfer};
use crate::money::Money;

/// Whatever the stories wait for must be there by then, or the demo failed.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks at what is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The learning platform's name in the demo's settings.
const PLATFORM: &str = "lms";

/// The demo's shop and what is around it.
pub(super) struct Stage<'a> {
    pub app: &'a App,
    pub cards: &'a FakeStripe,
    pub catalogue: &'a Catalogue,
    pub http: Client,
    lang: &'a str,
    started: Instant,
}

/// Somebody who buys.
pub(super) struct Buyer {
    pub email: &'static str,
    pub name: &'static str,
}

/// An order as the answer to it describes it.
pub(super) struct Placed {
    pub id: OrderId,
    pub code: String,
    pub total: Money,
    pub page: String,
    pub titles: Vec<String>,
}

impl<'a> Stage<'a> {
    pub fn new(app: &'a App, around: &'a Surroundings, lang: &'a str) -> anyhow::Result<Self> {
        Ok(Self {
            app,
            cards: &around.cards,
            catalogue: &around.catalogue,
            http: connectors::http()?,
            lang,
            started: Instant::now(),
        })
    }

    /// Something has happened.
    pub fn step(&self, what: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        say(&format!("  {seconds:>7.3} s   {what}"));
    }

    /// Order these courses as a shop front end does.
    pub async fn order(
        &self,
        buyer: &Buyer,
        courses: &[&str],
        coupon: Option<&str>,
    ) -> anyhow::Result<Placed> {
        let answer = self.ask(buyer, courses, coupon).await?;
        let order = expect_ok(answer, "create-order").await?;
        let titles = order["courses"].as_array().into_iter().flatten();
        let total = order["totalAmount"].as_i64();
        Ok(Placed {
            id: OrderId::from(text(&order, "orderId")?.as_str()),
            code: text(&order, "orderCode")?,
            total: Money::vnd(total.context("create-order gave no totalAmount")?),
            page: text(&order, "statusUrl")?,
            titles: titles
                .filter_map(|course| course["title"].as_str().map(str::to_owned))
                .collect(),
        })
    }

    /// The code with which an order is refused.
    pub async fn refusal(
        &self,
        buyer: &Buyer,
        courses: &[&str],
        coupon: Option<&str>,
    ) -> anyhow::Result<String> {
        let answer = self.ask(buyer, courses, coupon).await?;
        let status = answer.status();
        ensure!(status.is_client_error(), "it was answered with {status}");
        text(&answer.json().await?, "code")
    }

    async fn ask(
        &self,
        buyer: &Buyer,
        courses: &[&str],
        coupon: Option<&str>,
    ) -> anyhow::Result<reqwest::Response> {
        let courses: Vec<Value> = courses.iter().map(|url| json!({ "url": url })).collect();
        let body = json!({
            "email": buyer.email,
            "name": buyer.name,
            "courses": courses,
            "coupon": coupon,
            "locale": self.lang,
        });
        let url = format!("{}/api/v1/payment/create-order", self.app.config.public_url);
        let key = self.app.mint.secret();
        let request = self.http.post(url).header("Idempotency-Key", key);
        Ok(request.json(&body).send().await?)
    }

    /// Post the webhook that SePay would post.
    pub async fn transfer(&self, dong: i64, memo: &str) -> anyhow::Result<()> {
        let transfer = Pretended {
            id: i64::try_from(self.app.mint.bits() >> 16)?,
            amount: Money::vnd(dong),
            memo: memo.to_owned(),
            at: self.app.clock.now(),
        };
        let config = &self.app.config;
        demo::send(&config.payments, config.listen, &transfer).await
    }

    /// The order as everybody may see it.
    pub async fn status(&self, placed: &Placed) -> anyhow::Result<Value> {
        let shop = &self.app.config.public_url;
        let url = format!("{shop}/api/v1/payment/check-status/{}", placed.code);
        expect_ok(self.http.get(url).send().await?, "check-status").await
    }

    /// The order is in this state of payment now.
    pub async fn expect_payment(&self, placed: &Placed, wanted: &str) -> anyhow::Result<()> {
        let order = self.status(placed).await?;
        let found = &order["paymentStatus"];
        ensure!(found == wanted, "{} is {found}, not {wanted}", placed.code);
        Ok(())
    }

    /// Wait until every course of the order is open.
    pub async fn completed(&self, placed: &Placed) -> anyhow::Result<()> {
        self.until("the order to be completed", async || {
            let order = self.status(placed).await?;
            ensure!(order["orderStatus"] != "failed", "the order failed");
            Ok((order["orderStatus"] == "completed").then_some(()))
        })
        .await
    }

    /// What the platform says, over HTTP, of a buyer's place in a course.
    pub async fn seat(&self, email: &str, course: &str) -> anyhow::Result<Option<Enrolment>> {
        let platform = self.app.world.lms.get(PLATFORM);
        let platform = platform.context("the demo has no platform")?;
        let learner = Learner {
            email: email.to_owned(),
            name: String::new(),
        };
        Ok(platform.read_enrolment(&learner, course).await?)
    }

    /// Wait until the platform has, or no longer has, the buyer in a course.
    pub async fn until_seat(
        &self,
        buyer: &Buyer,
        course: &str,
        wanted: bool,
    ) -> anyhow::Result<()> {
        let what = format!(
            "the platform to {} {}",
            if wanted { "have" } else { "lose" },
            buyer.email
        );
        self.until(&what, async || {
            let found = self.seat(buyer.email, course).await?.is_some();
            Ok((found == wanted).then_some(()))
        })
        .await
    }

    /// Wait until a letter about an order is sent: its word is its kind, with what it is about.
    pub async fn until_letter(&self, placed: &Placed, word: &str) -> anyhow::Result<Email> {
        self.until(&format!("the letter {word}"), async || {
            let id = placed.id.clone();
            let letters = self
                .app
                .db
                .read(move |tx| Box::pin(async move { email::of_order(tx, &id).await }));
            let letters = letters.await.map_err(Error::into_anyhow)?;
            Ok(letters.into_iter().find(|letter| {
                letter.state == EmailState::Sent && letter.letter.word().starts_with(word)
            }))
        })
        .await
    }

    /// The order in the books.
    pub async fn booked(&self, placed: &Placed) -> anyhow::Result<Order> {
        let id = placed.id.clone();
        let read = self
            .app
            .db
            .read(move |tx| Box::pin(async move { order::get(tx, &id).await }));
        read.await.map_err(Error::into_anyhow)
    }

    /// The transfers of an order in the books, oldest first.
    pub async fn transfers(&self, placed: &Placed) -> anyhow::Result<Vec<Transfer>> {
        let id = placed.id.clone();
        let read = self
            .app
            .db
            .read(move |tx| Box::pin(async move { transfer::of_order(tx, &id).await }));
        read.await.map_err(Error::into_anyhow)
    }

    /// All that was written down about an order.
    pub async fn audit(&self, placed: &Placed) -> anyhow::Result<Vec<audit::Entry>> {
        let id = placed.id.clone();
        let read = self
            .app
            .db
            .read(move |tx| Box::pin(async move { audit::of_order(tx, &id).await }));
        read.await.map_err(Error::into_anyhow)
    }

    /// A decision of the seller: the step that the command takes.
    pub async fn decide<T, F>(&self, step: F) -> anyhow::Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>, Moment, Policy) -> BoxFuture<'t, Result<T>>
            + Clone
            + Send
            + 'static,
    {
        let moment = self.app.moment(Actor::Operator("demo".to_owned()));
        let policy = self.app.desk.policy.clone();
        let decided = self.app.db.write(move |tx| step(tx, moment, policy));
        decided.await.map_err(in_words)
    }

    /// Look again and again, for a minute at most.
    pub async fn until<T>(
        &self,
        what: &str,
        look: impl AsyncFn() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            ensure!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// A page of the shop as HTML.
    pub async fn page(&self, url: &str) -> anyhow::Result<String> {
        let answer = self.http.get(url).send().await?;
        let status = answer.status();
        ensure!(status == StatusCode::OK, "a page answered {status}");
        Ok(answer.text().await?)
    }
}

/// What comes now.
pub(super) fn chapter(title: &str) {
    say(&format!("\n{title}"));
}

/// Addresses in `href="…"` that hold this.
pub(super) fn links(html: &str, part: &str) -> Vec<String> {
    let hrefs = html
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let mut found: Vec<String> = hrefs
        .filter(|href| href.contains(part))
        .map(|href| href.replace("&amp;", "&"))
        .collect();
    found.dedup();
    found
}

async fn expect_ok(answer: reqwest::Response, what: &str) -> anyhow::Result<Value> {
    let status = answer.status();
    let body: Value = answer
        .json()
        .await
        .with_context(|| format!("{what} answered no JSON"))?;
    ensure!(
        status.is_success(),
        "{what} answered {status}: {}",
        body["detail"]
    );
    Ok(body)
}

fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    let found = value[field].as_str().map(str::to_owned);
    found.with_context(|| format!("the answer has no {field}"))
}

//! The first order of the demo, told in the terminal while it happens. Everything is done from the
//! outside, over HTTP, as a shop front end, a bank gateway and a buyer would do it; only what the
//! mailbox and the platform hold is looked up behind the scenes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::app::App;
use crate::cli::say;
use crate::connectors;
use crate::connectors::gateways::demo::{self, Pretended};
use crate::connectors::lms::Learner;
use crate::connectors::lms::fake::FakeLms;
use crate::model::course::Benefit;
use crate::money::Money;

/// The buyer of the first order.
const BUYER: &str = "an.nguyen@example.com";
/// The first order must be done by then, or the demo failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at the order.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// An order as its answer describes it.
struct Placed {
    code: String,
    total: i64,
    page: String,
    titles: Vec<String>,
}

pub(super) async fn tell(
    app: &App,
    platform: &FakeLms,
    folder: &Path,
    lang: &str,
) -> anyhow::Result<()> {
    let http = connectors::http()?;
    let shop = app.config.public_url.as_str();
    say(&format!(
        "Bursar demo: everything outside is faked on this machine and labelled so.\n"
    ));
    say(&format!("  shop      {shop}/"));
    say(&format!(
        "  platform  {}  (a fake that speaks Frappe's wire format)",
        platform.base_url()
    ));
    say(&format!(
        "  mailbox   {}\n",
        folder.join("outbox").display()
    ));

    let started = Instant::now();
    let placed = place(&http, app, lang).await?;
    step(
        started,
        &format!(
            "ordered {} courses, {}",
            placed.titles.len(),
            Money::vnd(placed.total)
        ),
    );
    say(&format!("              {}", placed.page));
    pay(app, &placed).await?;
    step(
        started,
        &format!(
            "transfer of {} reported by the webhook",
            Money::vnd(placed.total)
        ),
    );
    watch(&http, shop, &placed, started).await?;
    step(started, "every course is open");
    let mail = wait_for_mail(&app.config.mail.folder).await?;
    step(started, "receipt and completion e-mail are out");
    show_gains(&http, app, &placed, &mail).await
}

fn step(started: Instant, what: &str) {
    say(&format!(
        "  {:>7.3} s   {what}",
        started.elapsed().as_secs_f64()
    ));
}

async fn place(http: &Client, app: &App, lang: &str) -> anyhow::Result<Placed> {
    let catalogue = app
        .catalogue()
        .await
        .map_err(crate::error::Error::into_anyhow)?;
    let courses: Vec<Value> = catalogue
        .courses
        .iter()
        .map(|course| json!({ "url": course.url.as_str() }))
        .collect();
    let body = json!({ "email": BUYER, "name": "Nguyễn An", "courses": courses, "locale": lang });
    let url = format!("{}/api/v1/payment/create-order", app.config.public_url);
    let answer = http
        .post(url)
        .header("Idempotency-Key", "demo-1")
        .json(&body)
        .send()
        .await?;
    let order = expect_ok(answer, "create-order").await?;
    let titles = order["courses"].as_array().into_iter().flatten();
    Ok(Placed {
        code: text(&order, "orderCode")?,
        total: order["totalAmount"]
            .as_i64()
            .context("create-order gave no totalAmount")?,
        page: text(&order, "statusUrl")?,
        titles: titles
            .filter_map(|c| c["title"].as_str().map(str::to_owned))
            .collect(),
    })
}

/// Post the webhook that SePay would post, with the memo as a bank mangles it.
async fn pay(app: &App, placed: &Placed) -> anyhow::Result<()> {
    let now = app.clock.now();
    let transfer = Pretended {
        id: now.0,
        amount: Money::vnd(placed.total),
        memo: format!(
            "MBVCB.16220089552.{}.CT tu 0123456789 NGUYEN AN toi HOC TOT",
            placed.code
        ),
        at: now,
    };
    demo::send(&app.config.payments, app.config.listen, &transfer).await
}

/// Follow the order until every course is final: a line for each change, and on a terminal a moving
/// line for each course.
async fn watch(http: &Client, shop: &str, placed: &Placed, started: Instant) -> anyhow::Result<()> {
    let mut board = Board::new(&placed.titles);
    let url = format!("{shop}/api/v1/payment/check-status/{}", placed.code);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let order = expect_ok(http.get(&url).send().await?, "check-status").await?;
        board.show(&order, started);
        match order["orderStatus"].as_str() {
            Some("completed") => return Ok(()),
            Some("failed") => bail!("the order failed"),
            _ if Instant::now() > deadline => bail!("the order is not done after a minute"),
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// What each course was last seen to be.
struct Board {
    all: MultiProgress,
    bars: Vec<ProgressBar>,
    seen: Vec<String>,
}

impl Board {
    fn new(titles: &[String]) -> Self {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("              {spinner} {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = |title: &String| {
            let bar = all
                .add(ProgressBar::new_spinner())
                .with_style(style.clone());
            bar.set_message(title.clone());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        };
        let bars = titles.iter().map(bar).collect();
        Self {
            all,
            bars,
            seen: vec!["pending".to_owned(); titles.len()],
        }
    }

    fn show(&mut self, order: &Value, started: Instant) {
        let tasks = order["tasks"].as_array().map_or(&[][..], Vec::as_slice);
        for (place, task) in tasks.iter().enumerate().take(self.bars.len()) {
            let status = task["status"].as_str().unwrap_or("?");
            if self.seen[place] == status {
                continue;
            }
            status.clone_into(&mut self.seen[place]);
            let title = task["title"].as_str().unwrap_or("?");
            if matches!(status, "completed" | "failed") {
                self.bars[place].finish_and_clear();
            }
            let words = match status {
                "processing" => "being opened",
                "enrolled" => "enrolled, files on their way",
                "completed" => "open",
                other => other,
            };
            self.all
                .suspend(|| step(started, &format!("{title}: {words}")));
        }
    }
}

/// The receipt and the completion e-mail.
async fn wait_for_mail(outbox: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let started = Instant::now();
    loop {
        let mut letters = Vec::new();
        if let Ok(entries) = std::fs::read_dir(outbox) {
            let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
            letters.extend(paths.filter(|path| path.extension().is_some_and(|e| e == "eml")));
        }
        if letters.len() >= 2 {
            letters.sort();
            return Ok(letters);
        }
        ensure!(
            started.elapsed() < PATIENCE,
            "only {} of 2 e-mails came",
            letters.len()
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What the buyer has now, each looked up where it really is.
async fn show_gains(
    http: &Client,
    app: &App,
    placed: &Placed,
    mail: &[PathBuf],
) -> anyhow::Result<()> {
    say(&format!("\nWhat the buyer got"));
    read_back(app).await?;
    let files = download_one_each(http, &placed.page).await?;
    ensure!(!files.is_empty(), "the order page links to no file");
    for file in files {
        say(&format!(
            "  file       {}, {} bytes, downloaded from",
            file.name, file.bytes
        ));
        say(&format!("             {}", file.url));
    }
    for letter in mail {
        say(&format!("  e-mail     {}", letter.display()));
    }
    say(&format!("\nWhere to look"));
    say(&format!("  order page {}", placed.page));
    say(&format!("  in English {}?lang=en", placed.page));
    say(&format!("  the shop   {}/", app.config.public_url));
    Ok(())
}

/// Ask the platform, over HTTP, for each enrolment that the catalogue promises.
async fn read_back(app: &App) -> anyhow::Result<()> {
    let catalogue = app
        .catalogue()
        .await
        .map_err(crate::error::Error::into_anyhow)?;
    let learner = Learner {
        email: BUYER.to_owned(),
        name: String::new(),
    };
    for benefit in catalogue.courses.iter().flat_map(|course| &course.benefits) {
        let Benefit::Enrolment { connection, course } = benefit else {
            continue;
        };
        let lms = app
            .world
            .lms
            .get(connection)
            .context("the demo has no such connection")?;
        let found = lms.read_enrolment(&learner, course).await?;
        let found = found.with_context(|| format!("the platform has no enrolment in {course}"))?;
        say(&format!(
            "  enrolment  {} in {course}, read back from the platform",
            found.id
        ));
    }
    Ok(())
}

/// A file that was downloaded.
struct Downloaded {
    name: String,
    bytes: usize,
    url: String,
}

/// Open every files page that the order page links to, and download its first file.
async fn download_one_each(http: &Client, page: &str) -> anyhow::Result<Vec<Downloaded>> {
    let shop = page.split("/o/").next().unwrap_or_default();
    let mut files = Vec::new();
    for landing in links(&fetch(http, page).await?, "/f/") {
        let list = fetch(http, &absolute(shop, &landing)).await?;
        let first = links(&list, "/files/").into_iter().next();
        let file = absolute(shop, &first.context("a files page lists no file")?);
        let answer = http.get(&file).send().await?;
        ensure!(
            answer.status() == StatusCode::OK,
            "a download answered {}",
            answer.status()
        );
        let name = file.rsplit('/').next().unwrap_or_default();
        files.push(Downloaded {
            name: percent_encoding::percent_decode_str(name)
                .decode_utf8_lossy()
                .into_owned(),
            bytes: answer.bytes().await?.len(),
            url: file,
        });
    }
    Ok(files)
}

async fn fetch(http: &Client, url: &str) -> anyhow::Result<String> {
    let answer = http.get(url).send().await?;
    ensure!(
        answer.status() == StatusCode::OK,
        "a page answered {}",
        answer.status()
    );
    Ok(answer.text().await?)
}

/// Addresses in `href="…"` whose path begins so.
fn links(html: &str, path: &str) -> Vec<String> {
    let hrefs = html
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let mut found: Vec<String> = hrefs
        .filter(|href| href.contains(path))
        .map(|href| href.replace("&amp;", "&"))
        .collect();
    found.dedup();
    found
}

fn absolute(shop: &str, href: &str) -> String {
    if href.starts_with("http") {
        href.to_owned()
    } else {
        format!("{shop}{href}")
    }
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

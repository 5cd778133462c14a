//! The first order, told in the terminal while it happens, with what its buyer has at the end.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use reqwest::StatusCode;
use serde_json::Value;

use super::stage::{Buyer, Placed, Stage, chapter, links};
use crate::cli::say;
use crate::model::course::Benefit;

const AN: Buyer = Buyer {
    email: "an.nguyen@example.com",
    name: "Nguyễn An",
};

pub(super) async fn tell(stage: &Stage<'_>) -> anyhow::Result<()> {
    let courses = stage.catalogue.courses.iter();
    let courses: Vec<&str> = courses.map(|course| course.url.as_str()).collect();
    let placed = stage.order(&AN, &courses, None).await?;
    let (number, total) = (placed.titles.len(), placed.total);
    stage.step(&format!("ordered {number} courses, {total}"));
    say(&format!("              {}", placed.page));
    // As a bank mangles it.
    let memo = format!(
        "MBVCB.16220089552.{}.CT tu 0123456789 NGUYEN AN toi HOC TOT",
        placed.code
    );
    stage.transfer(total.minor, &memo).await?;
    stage.step(&format!("transfer of {total} reported by the webhook"));
    watch(stage, &placed).await?;
    stage.step("every course is open");
    let letters = letters(stage, &placed).await?;
    stage.step("receipt and completion e-mail are out");
    show_gains(stage, &placed, &letters).await
}

/// Follow the order until every course is final: a line for each change, and on a terminal a moving
/// line for each course.
async fn watch(stage: &Stage<'_>, placed: &Placed) -> anyhow::Result<()> {
    let mut board = Board::new(&placed.titles);
    let board = std::cell::RefCell::new(&mut board);
    stage
        .until("every course to be open", async || {
            let order = stage.status(placed).await?;
            board.borrow_mut().show(stage, &order);
            ensure!(order["orderStatus"] != "failed", "the order failed");
            Ok((order["orderStatus"] == "completed").then_some(()))
        })
        .await
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

    fn show(&mut self, stage: &Stage<'_>, order: &Value) {
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
                .suspend(|| stage.step(&format!("{title}: {words}")));
        }
    }
}

/// The receipt and the completion e-mail, as files in the mailbox.
async fn letters(stage: &Stage<'_>, placed: &Placed) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for word in ["receipt", "completed"] {
        let letter = stage.until_letter(placed, word).await?;
        let file = stage
            .app
            .config
            .mail
            .folder
            .join(format!("{}.eml", letter.id));
        ensure!(file.is_file(), "the mailbox has no {}", file.display());
        files.push(file);
    }
    Ok(files)
}

/// What the buyer has now, each looked up where it really is.
async fn show_gains(stage: &Stage<'_>, placed: &Placed, letters: &[PathBuf]) -> anyhow::Result<()> {
    chapter("What the buyer got");
    read_back(stage).await?;
    let files = download_one_each(stage, &placed.page).await?;
    ensure!(!files.is_empty(), "the order page links to no file");
    for file in files {
        say(&format!(
            "  file       {}, {} bytes, downloaded from",
            file.name, file.bytes
        ));
        say(&format!("             {}", file.url));
    }
    for letter in letters {
        say(&format!("  e-mail     {}", letter.display()));
    }
    chapter("Where to look");
    say(&format!("  order page {}", placed.page));
    say(&format!("  in English {}?lang=en", placed.page));
    say(&format!("  the shop   {}/", stage.app.config.public_url));
    Ok(())
}

/// Ask the platform, over HTTP, for each enrolment that the catalogue promises.
async fn read_back(stage: &Stage<'_>) -> anyhow::Result<()> {
    let courses = stage.catalogue.courses.iter();
    for benefit in courses.flat_map(|course| &course.benefits) {
        let Benefit::Enrolment { course, .. } = benefit else {
            continue;
        };
        let found = stage.seat(AN.email, course).await?;
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
async fn download_one_each(stage: &Stage<'_>, page: &str) -> anyhow::Result<Vec<Downloaded>> {
    let shop = page.split("/o/").next().unwrap_or_default();
    let mut files = Vec::new();
    for landing in links(&stage.page(page).await?, "/f/") {
        let list = stage.page(&absolute(shop, &landing)).await?;
        let first = links(&list, "/files/").into_iter().next();
        let file = absolute(shop, &first.context("a files page lists no file")?);
        let answer = stage.http.get(&file).send().await?;
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

fn absolute(shop: &str, href: &str) -> String {
    if href.starts_with("http") {
        href.to_owned()
    } else {
        format!("{shop}{href}")
    }
}

//! Every page in the states that buyers meet, at a desk, on a phone and on a small phone, by day and by
//! night: what `inspect.js` finds is a fault. The same pages are the pictures.

use std::path::PathBuf;
use std::time::Duration;

use super::driver::{Browser, Scripts};
use super::stage::{COURSES, Stage, more};
use super::{DONE, in_trouble};

const INSPECT: &str = include_str!("inspect.js");
/// A desk, a phone, a small phone, and a phone at night.
const LOOKS: [(u32, &str); 4] = [
    (1280, "light"),
    (390, "light"),
    (320, "light"),
    (390, "dark"),
];
/// While one course is open, one is tried again, and one is being opened.
const IN_TROUBLE: &str = "document.querySelectorAll('.line.good').length === 1 \
     && document.querySelectorAll('.line.attention, .line.busy').length === 2 \
     && /\\d\\d:\\d\\d/.test([...document.querySelectorAll('.note')].map((n) => n.textContent).join())";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_fits_every_window_and_every_eye() {
    let Some(browser) = Browser::open(Scripts::On).await else {
        return;
    };
    let shots = std::env::var_os("BURSAR_SHOTS").map(PathBuf::from);
    let stage = Stage::open().await;
    let late = Stage::open().await;
    let mut faults = Vec::new();
    let views = views(&stage, &late, &browser).await;
    // The newest first: what hangs there is given up after a while.
    for (name, url, ready) in views.into_iter().rev() {
        browser.go(&url).await;
        browser.until(&ready).await;
        for (width, scheme) in LOOKS {
            browser.look(width, scheme).await;
            let found = browser.js(INSPECT).await;
            for fault in found.as_array().unwrap() {
                faults.push(format!("{name} at {width}, {scheme}: {fault}"));
            }
            if let Some(folder) = &shots {
                let file = folder.join(format!("{name}-{width}-{scheme}.png"));
                std::fs::write(file, browser.picture().await).unwrap();
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// A page to look at: its name, its address, and what is true in it once it is as wanted.
type View = (String, String, String);

async fn views(stage: &Stage, late: &Stage, browser: &Browser) -> Vec<View> {
    let mut views = Vec::new();
    for locale in ["vi", "en"] {
        let all = [
            shop(stage, locale),
            money(stage, locale).await,
            access(stage, locale, browser).await,
            vec![expired(late, locale).await],
        ];
        views.extend(all.into_iter().flatten());
    }
    // From here on two of three platforms are broken.
    for locale in ["vi", "en"] {
        let order = in_trouble(stage, locale).await;
        views.push(view("trouble", locale, &order.page, IN_TROUBLE));
    }
    views
}

fn view(name: &str, locale: &str, url: &str, ready: &str) -> View {
    (
        format!("{name}-{locale}"),
        format!("{url}?lang={locale}"),
        ready.to_owned(),
    )
}

fn shop(stage: &Stage, locale: &str) -> Vec<View> {
    let front = format!("{}/", stage.url);
    let nobody = format!("{}/o/nobody", stage.url);
    // An empty form, sent as it is.
    let refused = "document.getElementById('faults') \
         || (document.querySelector('form.shop-form')?.submit(), false)";
    vec![
        view("shop", locale, &front, "document.querySelector('.course')"),
        view("refused", locale, &front, refused),
        view(
            "not-found",
            locale,
            &nobody,
            "document.querySelector('.message')",
        ),
    ]
}

async fn money(stage: &Stage, locale: &str) -> Vec<View> {
    let awaiting = stage.order(&COURSES, locale).await;
    let partly = [&more()[0], &more()[1], COURSES[0]];
    let partly = stage.order(&partly, locale).await;
    stage.pay(&partly.code, 1_234_567).await;
    let ten: Vec<String> = more().into_iter().skip(2).collect();
    let ten: Vec<&str> = ten.iter().map(String::as_str).chain(COURSES).collect();
    let ten = stage.order(&ten, locale).await;
    let counting = "document.querySelector('.countdown b').checkVisibility()";
    vec![
        view("awaiting", locale, &awaiting.page, counting),
        view(
            "partly-paid",
            locale,
            &partly.page,
            "document.querySelector('.received')",
        ),
        view("ten-courses", locale, &ten.page, counting),
    ]
}

async fn access(stage: &Stage, locale: &str, browser: &Browser) -> Vec<View> {
    let done = stage.order(&COURSES[..1], locale).await;
    stage.pay(&done.code, done.total).await;
    browser.go(&done.page).await;
    browser.until(DONE).await;
    let link = "return document.querySelector('a[href*=\"/f/\"]').href";
    let files = browser.js(link).await;
    vec![
        view("done", locale, &done.page, DONE),
        view(
            "files",
            locale,
            files.as_str().unwrap(),
            "document.querySelector('.file')",
        ),
    ]
}

/// In another shop, because its time passes for all of its orders.
async fn expired(late: &Stage, locale: &str) -> View {
    let order = late.order(&COURSES[..1], locale).await;
    late.clock.advance(Duration::from_hours(25));
    late.sweep().await;
    view(
        "expired",
        locale,
        &order.page,
        "document.querySelector('.headline')",
    )
}

//! The seller's pages in a real browser: two clicks close a transfer, without a script; and every page
//! fits a desk, a phone, a small phone and the night. With `BURSAR_SHOTS=folder` they are the pictures.

use std::path::PathBuf;
use std::time::Duration;

use super::driver::{Browser, Scripts};
use super::in_trouble;
use super::stage::{COURSES, Placed, Stage};

const INSPECT: &str = include_str!("inspect.js");
const LOOKS: [(u32, &str); 4] = [
    (1200, "light"),
    (390, "light"),
    (390, "dark"),
    (320, "light"),
];

/// A page to look at: its name and its address.
type View = (&'static str, String);

async fn sign_in(browser: &Browser, stage: &Stage, name: &'static str) {
    let key = stage.key(name).await;
    browser.go(&format!("{}/admin", stage.url)).await;
    browser.type_into("#key", &key).await;
    browser.click(".sign-in button").await;
    browser
        .until("document.querySelector('.matters') !== null")
        .await;
}

/// Its code with the last character wrong.
fn mistyped(order: &Placed) -> String {
    format!("{}0", &order.code[..order.code.len() - 1])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seller_closes_a_waiting_transfer_with_two_clicks_and_no_script() {
    let Some(browser) = Browser::open(Scripts::Off).await else {
        return;
    };
    let stage = Stage::open().await;
    let order = stage.order(&COURSES[..1], "vi").await;
    let memo = format!("MBVCB {} TRAN THI BICH", mistyped(&order));
    stage.pay(&memo, order.total).await;
    sign_in(&browser, &stage, "lan").await;
    browser
        .go(&format!("{}/admin/transfers?lang=en", stage.url))
        .await;

    browser.click(".row-go a").await;
    browser.click(".offer form button").await;

    browser
        .until("location.href.includes('/admin/transfers?done=')")
        .await;
    assert!(browser.text(".notice.good").await.contains(&order.code));
    assert!(browser.text(".message").await.contains("No transfer waits"));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.go(&order.page).await;
    assert!(!browser.has(".pay").await, "it is paid");
}

/// A shop on a busy morning.
async fn busy(stage: &Stage, browser: &Browser) -> Vec<View> {
    let meant = stage.order(&COURSES[..1], "vi").await;
    stage
        .pay(
            &format!("MBVCB.6001 {} TRAN THI BICH", mistyped(&meant)),
            meant.total,
        )
        .await;
    let other = stage.order(&COURSES[1..2], "vi").await;
    stage
        .pay("BICH CHUYEN TIEN HOC NHIEP ANH", other.total - 9_000)
        .await;
    let (one, two) = (
        stage.order(&COURSES[..1], "vi").await,
        stage.order(&COURSES[1..2], "vi").await,
    );
    let both = format!("IBFT {} {} hoc phi 2 khoa", one.code, two.code);
    stage.pay(&both, one.total + two.total).await;
    let paid = stage.order(&COURSES[..1], "vi").await;
    stage.pay(&paid.code, paid.total).await;
    stage.clock.advance(Duration::from_hours(3));
    stage
        .pay(&format!("{} chuyen lai", paid.code), paid.total)
        .await;
    stage
        .pay("CT DEN:606112345678 tra tien an trua", 77_000)
        .await;
    browser.go(&paid.page).await;
    browser.until(super::DONE).await;
    sign_in(browser, stage, "lan").await;
    decide(browser, stage, &paid).await;
    let in_trouble = in_trouble(stage, "vi").await;
    stage
        .alert(
            "ord_01kb3v5s8rj7f0m4c2n6x9t1qe",
            "The payer disputes 599.000 dong: answer at the gateway before 12 January.",
        )
        .await;
    pages_of(stage, browser, &[paid, in_trouble], one.total).await
}

/// Every page of the desk that has something to show; `amount` was paid with two codes.
async fn pages_of(
    stage: &Stage,
    browser: &Browser,
    [paid, in_trouble]: &[Placed; 2],
    amount: i64,
) -> Vec<View> {
    let address = |path: &str| format!("{}{path}", stage.url);
    let order = |placed: &Placed| address(&format!("/admin/orders/{}", placed.code));
    vec![
        ("desk", address("/admin")),
        ("desk-transfers", address("/admin/transfers")),
        ("desk-all", address("/admin/transfers?all=yes")),
        ("desk-nothing", address("/admin/transfers?q=nobody")),
        ("desk-near", row(browser, stage, 1).await),
        ("desk-short", row(browser, stage, 2).await),
        ("desk-split", row(browser, stage, 3).await),
        ("desk-duplicate", row(browser, stage, 4).await),
        (
            "desk-found",
            format!("{}?q={}#find", row(browser, stage, 5).await, amount),
        ),
        ("desk-refunds", address("/admin/refunds")),
        ("desk-grants", address("/admin/grants")),
        ("desk-messages", address("/admin/messages")),
        ("desk-orders", address("/admin/orders")),
        ("desk-order", order(paid)),
        ("desk-trouble", order(in_trouble)),
        ("desk-refused", address("/admin/orders/DH2222222")),
    ]
}

/// Part of an order goes back, as its page lets a person decide it.
async fn decide(browser: &Browser, stage: &Stage, order: &Placed) {
    browser
        .go(&format!(
            "{}/admin/orders/{}?lang=vi",
            stage.url, order.code
        ))
        .await;
    browser.click("#refund summary").await;
    browser.type_into("#amount", "100.000").await;
    browser
        .type_into("#why-refund", "Khách chỉ học một nửa")
        .await;
    browser.click("#refund button").await;
    browser
        .until("document.querySelector('.ledger a[href=\"/admin/refunds\"]')")
        .await;
}

/// The page of the nth waiting transfer.
async fn row(browser: &Browser, stage: &Stage, nth: usize) -> String {
    browser.go(&format!("{}/admin/transfers", stage.url)).await;
    let link = format!("return document.querySelector('.row:nth-child({nth}) .row-go a').href");
    browser.js(&link).await.as_str().unwrap().to_owned()
}

fn in_language(address: &str, locale: &str) -> String {
    let (address, place) = address.split_once('#').unwrap_or((address, ""));
    let mark = if address.contains('?') { '&' } else { '?' };
    format!("{address}{mark}lang={locale}#{place}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_the_sellers_fits_every_window_and_every_eye() {
    let Some(browser) = Browser::open(Scripts::On).await else {
        return;
    };
    let shots = std::env::var_os("BURSAR_SHOTS").map(PathBuf::from);
    let stage = Stage::open().await;
    let mut views = busy(&stage, &browser).await;
    views.push(("desk-sign-in", format!("{}/admin/sign-in", stage.url)));
    let mut faults = Vec::new();
    for locale in ["vi", "en"] {
        for (name, address) in &views {
            browser.go(&in_language(address, locale)).await;
            browser.until("document.querySelector('main')").await;
            for (width, scheme) in LOOKS {
                browser.look(width, scheme).await;
                if width == 320 {
                    // What is folded away must fit too.
                    let unfold =
                        "document.querySelectorAll('details').forEach((d) => d.open = true)";
                    browser.js(unfold).await;
                }
                for fault in browser.js(INSPECT).await.as_array().unwrap() {
                    faults.push(format!("{name} in {locale} at {width}, {scheme}: {fault}"));
                }
                if let Some(folder) = &shots {
                    let file = folder.join(format!("{name}-{locale}-{width}-{scheme}.png"));
                    std::fs::write(file, browser.picture().await).unwrap();
                }
            }
            let said = browser.js("return document.body.innerText").await;
            let said = said.as_str().unwrap();
            for hole in ["%{", "admin."] {
                assert!(
                    !said.contains(hole),
                    "{name} in {locale} has a hole: {said}"
                );
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    let complaints = browser.complaints().await;
    let refused = |complaint: &String| complaint.contains("DH2222222");
    assert!(complaints.iter().all(refused), "{complaints:?}");
}

//! The pages in a real browser, as buyers have them. With `BURSAR_SHOTS=folder` pictures of them are
//! left there, to be looked at; `docs/pictures/make.sh` makes the README's from those.

use bursar::connectors::lms::fake::{Call, Mischief};
use serde_json::{Value, json};

mod desk;
mod driver;
mod fitness;
mod stage;

use driver::{Browser, Scripts};
use stage::{COURSES, Placed, Stage};

const DONE: &str = "document.getElementById('order').dataset.final === 'true'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_orders_pays_and_downloads_and_the_page_follows_by_itself() {
    let Some(browser) = Browser::open(Scripts::On).await else {
        return;
    };
    let stage = Stage::alive().await;
    for (locale, done) in [("vi", "Mọi thứ đã sẵn sàng"), ("en", "Everything is ready")] {
        order_in_the_shop(&browser, &stage, locale).await;
        browser
            .until("document.querySelector('img.qr')?.naturalWidth > 100")
            .await;
        browser.js("window.stayed = 'here'").await;
        let code = browser.text(".memo .value").await;
        let amount = browser.js("return document.querySelector('.amount .copy').dataset.copy");
        assert_eq!(amount.await, "998000", "{locale}");

        stage.pay(&code, 998_000).await;

        browser.until(DONE).await;
        assert_eq!(browser.text("h1").await, done);
        let stayed = browser.js("return window.stayed").await;
        assert_eq!(stayed, "here", "{locale}: the page was loaded anew");
        assert!(!browser.has(".pay").await, "{locale}: still asks for money");
        download_everything(&browser).await;
        assert_eq!(browser.complaints().await, Vec::<String>::new(), "{locale}");
    }
}

/// The first two courses, by the form, as a person fills it in.
async fn order_in_the_shop(browser: &Browser, stage: &Stage, locale: &str) {
    browser.go(&format!("{}/?lang={locale}", stage.url)).await;
    for slug in &COURSES[..2] {
        browser.click(&format!("#pick-{slug}")).await;
    }
    browser
        .type_into("#field-email", "bich.tran@gmail.com")
        .await;
    browser.type_into("#field-name", "Trần Thị Bích").await;
    browser.click("form.shop-form .send button").await;
    browser.until("location.pathname.startsWith('/o/')").await;
}

/// Open the first course's files, and fetch each with its link.
async fn download_everything(browser: &Browser) {
    let landing = browser
        .js("return document.querySelector('a[href*=\"/f/\"]').href")
        .await;
    browser.go(landing.as_str().unwrap()).await;
    let fetched = browser
        .js_later(
            "Promise.all([...document.querySelectorAll('.file a')].map(async (link) => {
                const answer = await fetch(link.href);
                return [answer.status, (await answer.arrayBuffer()).byteLength > 100,
                    answer.headers.get('content-disposition').startsWith('attachment')];
            })).then(tell, (error) => tell(String(error)))",
        )
        .await;
    assert_eq!(
        fetched,
        json!([[200, true, true], [200, true, true], [200, true, true]])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_scripts_the_page_tells_the_same_truth() {
    let Some(browser) = Browser::open(Scripts::Off).await else {
        return;
    };
    let stage = Stage::alive().await;
    order_in_the_shop(&browser, &stage, "vi").await;
    assert_eq!(browser.text("h1").await, "Mời bạn chuyển khoản");
    assert!(
        browser.has("noscript meta[http-equiv=refresh]").await,
        "it reloads itself"
    );
    let chosen = browser
        .js(
            "return [...document.querySelectorAll('.fact .value')].map((fact) => {
                getSelection().selectAllChildren(fact);
                return getSelection().toString();
            })",
        )
        .await;
    let memo = browser.text(".memo .value").await;
    assert_eq!(
        chosen[1],
        Value::from(memo),
        "facts are text that can be selected"
    );
    let seen = browser
        .js("return [...document.querySelectorAll('.copy, .countdown-left')].filter((n) => n.checkVisibility()).length")
        .await;
    assert_eq!(seen, 0, "what only a script can do is not offered");

    browser.js("window.before = true").await;
    browser.click(".simulate button").await;
    // To load it anew too soon would be to take the click back.
    browser.until("!window.before").await;
    browser
        .reload_until("document.querySelector('h1').textContent === 'Mọi thứ đã sẵn sàng'")
        .await;
    let reloads = browser.has("noscript meta[http-equiv=refresh]").await;
    assert!(!reloads, "there is nothing to wait for any more");
    browser.click("a[href*=\"/f/\"]").await;
    browser
        .until("document.querySelector('.file a[download]') !== null")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copy_buttons_copy_what_the_banks_app_wants() {
    let Some(browser) = Browser::open(Scripts::On).await else {
        return;
    };
    let stage = Stage::open().await;
    let order = stage.order(&COURSES[..1], "vi").await;
    browser.go(&order.page).await;
    browser
        .until("document.querySelector('.copy').checkVisibility()")
        .await;
    clipboard(&browser, &stage, "granted").await;
    for (fact, text) in [
        ("amount", "599000"),
        ("memo", order.code.as_str()),
        ("account", "0123499999"),
    ] {
        browser.click(&format!(".{fact} .copy")).await;
        browser
            .until(&format!(
                "document.querySelector('.{fact} .copied-word').checkVisibility()"
            ))
            .await;
        let pasted =
            browser.js_later("navigator.clipboard.readText().then(tell, (e) => tell(String(e)))");
        assert_eq!(pasted.await, text, "{fact}");
    }

    clipboard(&browser, &stage, "denied").await;
    browser.click(".account .copy").await;
    browser
        .until("getSelection().toString() === '0123499999'")
        .await;
}

async fn clipboard(browser: &Browser, stage: &Stage, setting: &str) {
    browser
        .devtools(
            "Emulation.setFocusEmulationEnabled",
            json!({ "enabled": true }),
        )
        .await;
    for (name, unsanitised) in [
        ("clipboard-read", false),
        ("clipboard-write", false),
        ("clipboard-write", true),
    ] {
        let permission = json!({ "name": name, "allowWithoutSanitization": unsanitised });
        let wanted = json!({ "permission": permission, "setting": setting, "origin": stage.url });
        browser.devtools("Browser.setPermission", wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_payment_changes_the_page_under_the_readers_hands_and_nothing_else() {
    let Some(browser) = Browser::open(Scripts::On).await else {
        return;
    };
    let stage = Stage::open().await;
    let order = stage.order(&COURSES, "en").await;
    browser.go(&order.page).await;
    browser
        .until("document.querySelector('.countdown b').checkVisibility()")
        .await;
    let first = browser
        .js("return document.querySelector('.countdown b').textContent")
        .await;
    let first = first.as_str().unwrap();
    assert!(first.starts_with("23:") || first == "24:00:00", "{first}");
    browser
        .until(&format!(
            "document.querySelector('.countdown b').textContent < '{first}'"
        ))
        .await;
    browser
        .js(
            "window.held = document.querySelector('.memo .copy'); held.focus();
            document.querySelector('details').open = true;
            window.picture = document.querySelector('.cover');",
        )
        .await;

    stage.pay(&order.code, 100_000).await;

    let missing = order.total - 100_000;
    browser
        .until(&format!(
            "document.querySelector('.amount .copy').dataset.copy === '{missing}'"
        ))
        .await;
    let kept = browser
        .js(
            "return [document.activeElement === held, document.querySelector('details').open,
            picture.isConnected, document.querySelector('.countdown b').checkVisibility(),
            held.checkVisibility()]",
        )
        .await;
    assert_eq!(kept, json!([true, true, true, true, true]));
    let told = browser.js("return document.getElementById('news').textContent === document.querySelector('h1').textContent");
    assert_eq!(told.await, true, "a screen reader hears the news");
    assert!(browser.text(".received").await.contains("100.000"));
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    // The listener that found nothing would have found something.
    browser
        .js("document.body.insertAdjacentHTML('beforeend', '<p style=\"color:red\">x</p>')")
        .await;
    assert!(
        !browser.complaints().await.is_empty(),
        "the content policy lets styles in"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_pays_by_card_on_another_site_and_comes_back_with_and_without_scripts() {
    for scripts in [Scripts::On, Scripts::Off] {
        let Some(browser) = Browser::open(scripts).await else {
            return;
        };
        // No message of the gateway ever comes: the page's own question finds the money.
        let (stage, cards) = Stage::with_cards().await;
        let order = stage.order(&COURSES[..1], "en").await;
        browser.go(&order.page).await;
        browser.click(".way button").await;
        let there = format!("location.href.startsWith('{}')", cards.base_url());
        browser.until(&there).await;
        browser.click("button[value=pay]").await;
        // To load a page anew while it is being left would be to take the click back.
        let back = format!("location.href.startsWith('{}')", stage.url);
        browser.until(&back).await;
        let done = "document.querySelector('h1')?.textContent === 'Everything is ready'";
        match scripts {
            Scripts::On => browser.until(done).await,
            Scripts::Off => browser.reload_until(done).await,
        }
        let ours = browser.complaints().await;
        let ours: Vec<String> = ours
            .into_iter()
            .filter(|c| !c.contains("/favicon.ico"))
            .collect();
        assert_eq!(ours, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_that_is_taken_back_later_is_told_on_a_page_that_was_final() {
    let Some(browser) = Browser::open(Scripts::On).await else {
        return;
    };
    let stage = Stage::open().await;
    let order = stage.order(&COURSES[..1], "en").await;
    stage.pay(&order.code, order.total).await;
    browser.go(&order.page).await;
    browser.until(DONE).await;
    browser.js("window.stayed = 'here'").await;
    stage.revoke(&order.code).await;
    browser
        .until("document.querySelector('h1').textContent === 'Access has ended'")
        .await;
    assert_eq!(browser.js("return window.stayed").await, "here");
}

/// Orders in states that only misfortune brings about.
async fn in_trouble(stage: &Stage, locale: &str) -> Placed {
    stage.platforms[1].misbehave_always(Call::Any, Mischief::Maintenance);
    stage.platforms[2].misbehave_always(Call::Any, Mischief::Hang);
    let order = stage.order(&COURSES, locale).await;
    stage.pay(&order.code, order.total).await;
    order
}

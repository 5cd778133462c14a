//! The ways to pay, from the order's page to a gateway's and back: by forms, without any script.

use std::time::Duration;

use bursar::clock::Clock;
use bursar::connectors::gateways::stripe::fake::{
    Call, Claim, FakeStripe, FakeStripeOptions, Mischief,
};
use bursar::connectors::gateways::stripe::{NAME, WEBHOOK_PATH};
use bursar::db::Kind;
use bursar::words::Locale;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use serde_json::Value;

use crate::harness::server::{Options, START, Server};

/// A shop that takes cards too, and the gateway for them.
struct Till {
    server: Server,
    cards: FakeStripe,
    browser: Client,
}

/// An order, as create-order answered.
struct Placed(Value);

async fn each(test: impl AsyncFn(Till)) {
    for kind in crate::harness::databases::KINDS {
        eprintln!("on {kind:?}");
        test(Till::open(kind, |_| ()).await).await;
    }
}

impl Placed {
    fn page(&self) -> String {
        let url = self.0["statusUrl"].as_str().unwrap();
        url[url.find("/o/").unwrap()..].to_owned()
    }

    fn total(&self) -> i64 {
        self.0["totalAmount"].as_i64().unwrap()
    }

    fn way(&self) -> String {
        format!("{}/pay/{NAME}", self.page())
    }
}

impl Till {
    async fn open(kind: Kind, change: impl Fn(&mut Options)) -> Self {
        let options = FakeStripeOptions {
            clock: Clock::still(START),
            ..FakeStripeOptions::default()
        };
        let cards = FakeStripe::start(options).await.unwrap();
        let settings = cards.settings();
        let server = Server::start_with(kind, |options| {
            options.config.payments.stripe = settings.clone();
            change(options);
        });
        Self {
            server: server.await,
            cards,
            browser: Client::builder()
                .no_proxy()
                .redirect(Policy::none())
                .build()
                .unwrap(),
        }
    }

    async fn order(&self, course: &str) -> Placed {
        Placed(self.server.order(&[course]).await)
    }

    async fn get(&self, path: &str) -> Response {
        let url = format!("{}{path}", self.server.url);
        self.browser.get(url).send().await.unwrap()
    }

    /// As the form on the page does it.
    async fn click(&self, order: &Placed) -> Response {
        let url = format!("{}{}", self.server.url, order.way());
        let form = self.browser.post(url).header("origin", "null");
        form.send().await.unwrap()
    }

    async fn page(&self, path: &str, locale: Locale) -> String {
        let mark = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{mark}lang={}", locale.tag());
        let answer = self.get(&path).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    /// The page says this in both languages.
    async fn says(&self, path: &str, key: &str) {
        for locale in Locale::ALL {
            let html = self.page(path, locale).await;
            let wanted = locale.say(key);
            assert!(html.contains(&*wanted), "{key} in {locale:?}: {html}");
        }
    }

    /// The checkout that was opened last.
    fn session(&self) -> String {
        let sessions = self.cards.objects("checkout.session");
        sessions.last().unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// The gateway tells of the last event of this kind.
    async fn told(&self, kind: &str) {
        let event = self.cards.events(kind).pop().unwrap();
        let url = format!("{}{WEBHOOK_PATH}", self.server.url);
        assert_eq!(self.cards.deliver(&url, &[&event]).await.unwrap(), [200]);
    }
}

fn location(answer: &Response) -> &str {
    answer.headers()["location"].to_str().unwrap()
}

#[tokio::test]
async fn a_click_leads_to_the_gateways_page_each_time_to_the_same_and_costs_nothing() {
    each(async |till| {
        let order = till.order("rust").await;
        let html = till.page(&order.page(), Locale::En).await;
        let form = format!("<form method=\"post\" action=\"{}\">", order.way());
        assert!(html.contains(&form) && html.contains("International card"));
        let mut led = Vec::new();
        for _ in 0..2 {
            let answer = till.click(&order).await;
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["cache-control"], "no-store");
            assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
            let policy = answer.headers()["content-security-policy"].clone();
            assert!(policy.to_str().unwrap().contains("form-action 'self'"));
            let html = answer.text().await.unwrap();
            let (_, rest) = html.split_once("content=\"0; url=").unwrap();
            led.push(rest.split('"').next().unwrap().to_owned());
            assert!(html.contains(&format!("href=\"{}\"", led[0])), "{html}");
        }
        assert_eq!(led[0], led[1]);
        assert!(led[0].starts_with(&till.cards.base_url()), "{led:?}");
        assert_eq!(till.cards.objects("checkout.session").len(), 1);
        let html = till.page(&order.page(), Locale::Vi).await;
        let qr = format!("amount={}", order.total());
        assert!(html.contains(&qr), "the transfer is still possible");
        assert_eq!(
            till.server.pay(&order.0, order.total()).await.json["paymentStatus"],
            "paid"
        );
        till.server.drain().await;
        let session = till.cards.object(&till.session()).unwrap();
        assert_eq!(session["status"], "expired", "nobody pays twice");
    })
    .await;
}

#[tokio::test]
async fn back_before_the_gateway_has_told_the_page_waits_and_asks_it_at_once() {
    each(async |till| {
        let order = till.order("photo").await;
        let back = format!("{}/back", order.page());
        assert_eq!(
            location(&till.get(&back).await),
            order.page(),
            "from nowhere"
        );
        till.click(&order).await;
        let session = till.cards.object(&till.session()).unwrap();
        assert_eq!(session["success_url"], format!("{}{back}", till.server.url));
        till.cards.pay(&till.session()).unwrap();

        till.says(&back, "order.headline.confirming_card.title")
            .await;
        let html = till.page(&back, Locale::En).await;
        assert!(!html.contains("/api/v1/payment/qr/"), "{html}");
        assert!(html.contains(&format!("<a href=\"{}\">You have not paid?", order.page())));
        let html = till.page(&order.page(), Locale::En).await;
        assert!(
            html.contains("/api/v1/payment/qr/"),
            "who looks there may choose"
        );

        // No message comes; the look that the page asked for finds the money.
        assert!(till.server.drain().await > 0);
        let answer = till.get(&back).await;
        assert_eq!(
            (answer.status().as_u16(), location(&answer)),
            (303, &*order.page())
        );
        till.says(&order.page(), "order.headline.done.title").await;
        let fragment = till.get(&format!("{back}?fragment=1")).await;
        let fragment = fragment.text().await.unwrap();
        assert!(fragment.starts_with("<main id=\"order\""), "{fragment}");
        assert!(fragment.contains("data-final=\"true\""), "{fragment}");
    })
    .await;
}

#[tokio::test]
async fn a_page_that_cannot_be_opened_is_told_on_the_orders_own_with_the_other_way() {
    each(async |till| {
        let order = till.order("rust").await;
        for (mischief, code) in [
            (Mischief::BadGateway, "checkout_unavailable"),
            (Mischief::WrongKey, "checkout_unavailable"),
        ] {
            till.cards.misbehave(Call::SessionCreate, [mischief]);
            let answer = till.click(&order).await;
            assert_eq!(answer.status(), 303);
            let told = format!("{}?refused={code}", order.page());
            assert_eq!(location(&answer), told);
            till.says(&told, &format!("error.{code}")).await;
            let html = till.page(&told, Locale::En).await;
            assert!(html.contains("class=\"qr\""), "{html}");
        }
        // Words that are not ours are nobody's.
        let invented = format!("{}?refused=not_found&lang=en", order.page());
        let html = till.get(&invented).await.text().await.unwrap();
        assert!(!html.contains("role=\"alert\""), "{html}");
        assert_eq!(till.click(&order).await.status(), 200, "it works again");
    })
    .await;
}

#[tokio::test]
async fn an_amount_that_cannot_be_paid_there_has_its_reason_in_place_of_the_button() {
    each(async |till| {
        let order = till.order("photo").await;
        till.server.pay(&order.0, order.total() - 9_000).await;
        till.says(&order.page(), "error.card_amount_too_small")
            .await;
        let html = till.page(&order.page(), Locale::En).await;
        assert!(!html.contains(&order.way()) && html.contains("amount=9000"));
        let answer = till.click(&order).await;
        assert_eq!(answer.status(), 303);
        assert_eq!(till.cards.calls(Call::SessionCreate), 0);
        till.server.pay(&order.0, 9_000).await;
        let answer = till.click(&order).await;
        let told = format!("{}?refused=order_not_payable", order.page());
        assert_eq!(location(&answer), told);
        till.says(&told, "error.order_not_payable").await;
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_failed_there_is_told_and_can_be_tried_again() {
    each(async |till| {
        let order = till.order("rust").await;
        till.click(&order).await;
        let first = till.session();
        till.cards.pay_later(&first).unwrap();
        till.told("checkout.session.completed").await;
        till.cards.settle_later(&first, false).unwrap();
        till.told("checkout.session.async_payment_failed").await;
        till.says(&order.page(), "order.way.card.failed").await;
        assert_eq!(till.click(&order).await.status(), 200);
        assert_ne!(till.session(), first);
        let html = till.page(&order.page(), Locale::En).await;
        assert!(!html.contains("did not go through"), "another is open");
    })
    .await;
}

#[tokio::test]
async fn a_disputed_payment_pauses_the_page_and_its_end_is_told() {
    each(async |till| {
        for (won, title) in [
            (true, "order.headline.done.title"),
            (false, "order.headline.charged_back.title"),
        ] {
            let order = till.order("photo").await;
            till.click(&order).await;
            let payment = till.cards.pay(&till.session()).unwrap();
            till.told("checkout.session.completed").await;
            till.server.drain().await;
            let dispute = till.cards.dispute(&payment, Claim::Chargeback).unwrap();
            till.told("charge.dispute.created").await;
            till.says(&order.page(), "order.headline.disputed.title")
                .await;
            till.says(&order.page(), "order.state.paused").await;
            till.server.drain().await;
            till.says(&order.page(), "order.state.paused").await;
            till.cards.close_dispute(&dispute, won).unwrap();
            till.told("charge.dispute.closed").await;
            till.server.drain().await;
            till.says(&order.page(), title).await;
        }
    })
    .await;
}

#[tokio::test]
async fn clicks_are_counted_and_lead_nowhere_without_the_secret_or_the_gateway() {
    let till = Till::open(Kind::Sqlite, |options| {
        options.config.limits.orders_per_minute = 3;
    });
    let till = till.await;
    let order = till.order("rust").await;
    for _ in 0..3 {
        assert_eq!(till.click(&order).await.status(), 200);
    }
    let answer = till.click(&order).await;
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
    let post = |path: String| {
        till.browser
            .post(format!("{}{path}", till.server.url))
            .send()
    };
    let wrong = post("/o/wrong/pay/stripe".to_owned()).await.unwrap();
    assert_eq!(wrong.status(), 404);
    let kept = till.get(&order.way()).await;
    assert_eq!(
        (kept.status().as_u16(), location(&kept)),
        (303, &*order.page())
    );

    let till = Till::open(Kind::Sqlite, |_| ()).await;
    let order = till.order("rust").await;
    let path = format!("{}/pay/sepay", order.page());
    let url = format!("{}{path}", till.server.url);
    let nobody = till.browser.post(url).send().await.unwrap();
    assert_eq!(nobody.status(), 404);
}

#[tokio::test]
async fn looks_at_a_gateway_are_counted_and_the_page_goes_on_without_them() {
    let till = Till::open(Kind::Sqlite, |options| {
        options.config.limits.orders_per_minute = 2;
    });
    let till = till.await;
    let order = till.order("rust").await;
    till.click(&order).await;
    let back = format!("{}/back", order.page());
    for _ in 0..5 {
        till.page(&back, Locale::Vi).await;
        till.server.drain().await;
    }
    assert_eq!(till.cards.calls(Call::SessionGet), 2);
}

#[tokio::test]
async fn create_order_names_the_ways_to_pay_and_none_once_it_is_paid() {
    each(async |till| {
        let body = serde_json::json!({ "email": "an@example.com", "courses": ["rust"] });
        let ask = async || {
            let request = till.server.request("POST", "/api/v1/payment/create-order");
            let request = request.header("idempotency-key", "same").json(&body);
            crate::harness::server::answer(request).await.json
        };
        let order = ask().await;
        let ways = order["paymentMethods"].as_array().unwrap();
        assert_eq!(ways.len(), 2, "{order}");
        assert_eq!(ways[0]["kind"], "qr");
        assert_eq!(ways[0]["url"], order["qrCodeUrl"]);
        assert_eq!(
            (&ways[1]["gateway"], &ways[1]["kind"]),
            (&NAME.into(), &"card".into())
        );
        assert_eq!(ways[1]["method"], "POST");
        let url = ways[1]["url"].as_str().unwrap();
        let answer = till.browser.post(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        till.server.pay(&order, 599_000).await;
        till.server.wait(Duration::from_secs(1));
        assert_eq!(ask().await["paymentMethods"], serde_json::json!([]));
    })
    .await;
}

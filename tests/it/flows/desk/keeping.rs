//! What else waits for a person: refunds, orders, access that stands still, messages; and the page
//! that says how much of each there is.

use bursar::clock::Timestamp;
use bursar::id::GrantId;
use bursar::model::api_key::Scope;
use bursar::model::audit::Actor;
use bursar::model::transfer::Class;
use bursar::model::{alert, audit, grant};
use bursar::outcome::Who;

use super::{Desk, attribute, code, each};

/// Bought, and every task of it done.
async fn bought(desk: &Desk) -> (serde_json::Value, String) {
    let order = desk.server.order(&["photo"]).await;
    let total = order["totalAmount"].as_i64().unwrap();
    desk.server.pay(&order, total).await;
    desk.server.drain().await;
    let page = format!("/admin/orders/{}", code(&order));
    (order, page)
}

#[tokio::test]
async fn the_overview_is_calm_when_nothing_waits_and_counts_what_does() {
    each(async |desk| {
        let calm = desk.page("/admin").await;
        assert!(calm.contains("Nothing waits"), "{calm}");
        desk.waiting(1_000, "tien").await;
        let (order, _) = bought(&desk).await;
        desk.waiting(399_000, code(&order)).await;
        assert_eq!(desk.inbox().await[1].class, Class::Duplicate);
        desk.server.wait(std::time::Duration::from_hours(3));
        let busy = desk.page("/admin").await;
        assert!(!busy.contains("Nothing waits"));
        assert!(busy.contains("<p class=\"count\">2</p>"), "{busy}");
        assert!(busy.contains("399.000 ₫") && busy.contains("The oldest waits 3 hours"));
    })
    .await;
}

#[tokio::test]
async fn an_order_shows_its_money_its_access_its_letters_and_its_story() {
    each(async |desk| {
        let (order, page) = bought(&desk).await;
        let shown = desk.page(&page).await;
        for text in [
            "an@example.com",
            "399.000 ₫",
            "Exact",
            "active",
            "Receipt",
            "Order placed",
        ] {
            assert!(shown.contains(text), "{text}");
        }
        let search = format!("/admin/orders?q={}", code(&order).to_lowercase());
        let found = desk.get(&search).await;
        assert_eq!(found.headers["location"], page.as_str());
        for query in ["q=an@example.com", "payment=paid", ""] {
            let list = desk.page(&format!("/admin/orders?{query}")).await;
            assert!(list.contains(&page), "{query}");
        }
        let unpaid = desk.server.order(&["photo"]).await;
        let owing = desk.page("/admin/orders?q=399000").await;
        assert!(owing.contains(code(&unpaid)) && !owing.contains(&page));
    })
    .await;
}

#[tokio::test]
async fn a_refund_is_decided_on_the_order_and_waits_until_it_was_sent() {
    each(async |desk| {
        let (order, page) = bought(&desk).await;
        let action = format!("{page}/refund");
        let ask = [
            ("why", "did not like it"),
            ("course", "photo"),
            ("amount", ""),
        ];
        let after = desk.decide(&page, &action, &ask).await;
        assert!(after.contains("did not like it") && after.contains("You have to send it"));
        assert_eq!(desk.payment(&order).await, "refunded");
        let refunds = desk.page("/admin/refunds").await;
        let sent = refunds.split(" action=\"").skip(1);
        let sent = sent.filter_map(|rest| rest.split('"').next());
        let sent: Vec<&str> = sent.filter(|action| action.ends_with("/sent")).collect();
        assert_eq!(sent.len(), 1);
        let empty = desk
            .fill("/admin/refunds", sent[0], &[("reference", "")])
            .await;
        assert_eq!(empty.status, 422);
        let done = desk
            .decide("/admin/refunds", sent[0], &[("reference", "FT9")])
            .await;
        assert!(done.contains("paid back") && done.contains("No refund waits"));
        desk.server.drain().await;
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_is_called_off_brings_access_back() {
    each(async |desk| {
        let (order, page) = bought(&desk).await;
        let action = format!("{page}/refund");
        desk.decide(&page, &action, &[("why", "asked"), ("course", "")])
            .await;
        let refunds = desk.page("/admin/refunds").await;
        let call_off = refunds.split("action=\"").find_map(|rest| {
            let action = rest.split('"').next()?;
            action.ends_with("/call-off").then_some(action)
        });
        desk.decide("/admin/refunds", call_off.unwrap(), &[("why", "stays")])
            .await;
        assert_eq!(desk.payment(&order).await, "paid");
        desk.server.drain().await;
        assert!(desk.page(&page).await.contains("active"));
    })
    .await;
}

#[tokio::test]
async fn access_is_taken_back_with_a_reason_and_given_again_once_however_often_it_is_sent() {
    each(async |desk| {
        let (_, page) = bought(&desk).await;
        let why = [("why", "shared the account")];
        let revoked = desk.decide(&page, &format!("{page}/revoke"), &why).await;
        assert!(revoked.contains("shared the account"));
        desk.server.drain().await;
        let html = desk.page(&page).await;
        let action = format!("{page}/give");
        let fields = super::form(&html, &action).unwrap();
        let mut fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        fields.retain(|(name, _)| *name != "why");
        fields.push(("why", "it was a mistake"));
        let one = desk.post(&action, &fields).await;
        let two = desk.post(&action, &fields).await;
        assert_eq!(one.status, 303, "{}", one.text);
        assert_eq!(one.headers["location"], two.headers["location"]);
        desk.server.drain().await;
        let gift = desk.page(one.headers["location"].to_str().unwrap()).await;
        assert!(gift.contains("Given as a gift") && gift.contains("it was a mistake"));
        assert!(gift.contains("active"));
    })
    .await;
}

#[tokio::test]
async fn an_unpaid_order_is_cancelled_and_a_paid_one_is_not() {
    each(async |desk| {
        let order = desk.server.order(&["photo"]).await;
        let page = format!("/admin/orders/{}", code(&order));
        let after = desk
            .decide(&page, &format!("{page}/cancel"), &[("why", "by phone")])
            .await;
        assert!(after.contains("by phone") && after.contains("cancelled"));
        assert_eq!(desk.payment(&order).await, "cancelled");
        let (_, paid) = bought(&desk).await;
        assert!(!desk.page(&paid).await.contains(&format!("{paid}/cancel")));
        let form = [("token", desk.token().await), ("why", "x".to_owned())];
        let form: Vec<(&str, &str)> = form.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let refused = desk.post(&format!("{paid}/cancel"), &form).await;
        assert_eq!(refused.status, 409, "{}", refused.text);
    })
    .await;
}

#[tokio::test]
async fn a_message_that_nobody_understood_is_read_again_or_closed() {
    each(async |desk| {
        let body = serde_json::json!({ "id": 7, "transferType": "in" });
        assert_eq!(desk.server.webhook(&body).await.status, 200);
        desk.server.drain().await;
        let page = desk.page("/admin/messages").await;
        let mut actions = page.split(" action=\"").skip(1);
        let close = actions.find_map(|rest| {
            let action = rest.split('"').next()?;
            action.ends_with("/close").then_some(action.to_owned())
        });
        let close = close.expect("it is listed");
        let replay = close.replace("/close", "/replay");
        assert!(
            desk.decide("/admin/messages", &replay, &[])
                .await
                .contains(&close)
        );
        let refused = desk.fill("/admin/messages", &close, &[("why", "")]).await;
        assert_eq!(refused.status, 422);
        let closed = desk
            .decide("/admin/messages", &close, &[("why", "a test of the bank")])
            .await;
        assert!(closed.contains("Every message is in the books"));
        desk.server.drain().await;
    })
    .await;
}

#[tokio::test]
async fn an_alert_is_there_until_somebody_says_with_a_reason_that_it_is_seen_to() {
    each(async |desk| {
        let (moment, clear) = (
            desk.server.app.moment(Actor::Machine("test")),
            "/admin/alerts/clear",
        );
        let raised = desk.server.app.db.write(move |tx| {
            let matter = (alert::DISPUTE, "ord_1");
            Box::pin(async move { alert::raise(tx, &moment, matter, "Answer the bank.").await })
        });
        raised.await.unwrap();
        assert!(desk.page("/admin").await.contains("Answer the bank."));
        let refused = desk.fill("/admin", clear, &[("why", "")]).await;
        assert_eq!(refused.status, 422);
        let foreign = [("kind", "dispute"), ("subject", "ord_1"), ("why", "x")];
        let foreign = desk.post(clear, &foreign).await;
        assert!([400, 403].contains(&foreign.status), "{}", foreign.text);
        let reader = Desk::of(desk.server.clone(), "mai", &[Scope::TransfersRead]).await;
        assert!(!reader.page("/admin").await.contains(clear));

        let why = [("why", "answered with the bank's letter")];
        let after = desk.decide("/admin", clear, &why).await;
        assert!(!after.contains("Answer the bank."));
        let audit = desk.server.app.db.read(|tx| {
            let filter = audit::Filter {
                subject: Some("ord_1".to_owned()),
                actor: None,
                from: Timestamp(0),
                to: Timestamp(2_000_000_000_000),
            };
            Box::pin(async move { audit::list(tx, &filter, None, 100).await })
        });
        let audit = audit.await.unwrap();
        let entry = audit.iter().find(|e| e.action == "alert.cleared").unwrap();
        assert_eq!(entry.why.as_deref(), Some(why[0].1));
        assert!(entry.actor.contains("lan"), "{}", entry.actor);
        let token = desk.token().await;
        let again = [
            ("kind", "dispute"),
            ("subject", "ord_1"),
            ("why", "x"),
            ("token", token.as_str()),
        ];
        assert_eq!(desk.post(clear, &again).await.status, 404, "it is over");
    })
    .await;
}

#[test]
fn the_reader_of_forms_takes_values_as_a_browser_does() {
    let input = r#" type="hidden" name="code" value="DH1""#;
    assert_eq!(attribute(input, "name").as_deref(), Some("code"));
    assert_eq!(attribute(input, "value").as_deref(), Some("DH1"));
    assert_eq!(attribute(input, "id"), None);
}

#[tokio::test]
async fn an_order_shows_what_its_buyer_downloaded() {
    each(async |desk| {
        let order = desk.server.order(&["rust"]).await;
        desk.server.pay(&order, 599_000).await;
        desk.server.drain().await;
        let page = format!("/admin/orders/{}", code(&order));
        assert!(!desk.page(&page).await.contains("Downloaded"));
        let buyer = order["statusUrl"].as_str().unwrap();
        let link = |page: &str, beginning: &str| {
            let start = page.find(beginning).unwrap_or_else(|| panic!("{page}"));
            let end = page[start..].find('"').unwrap();
            page[start..start + end].to_owned()
        };
        let path = |url: &str| url.replace(&desk.server.url, "");
        let landing = link(&desk.server.get(&path(buyer)).await.text, "/f/");
        let file = link(&desk.server.get(&landing).await.text, "/files/");
        for _ in 0..2 {
            assert_eq!(desk.server.get(&file).await.text, "Bài 1");
        }
        desk.server.app.traffic.settled().await;
        let shown = desk.page(&page).await;
        let words = "Downloaded: 1 times, 12 B, from 1 addresses";
        assert!(shown.contains(words), "{shown}");
    })
    .await;
}

#[tokio::test]
async fn a_removal_that_waits_for_the_seller_is_among_what_waits_and_may_be_left() {
    each(async |desk| {
        let (_, page) = bought(&desk).await;
        let why = [("why", "asked for his money")];
        desk.decide(&page, &format!("{page}/revoke"), &why).await;
        let html = desk.page(&page).await;
        let action = format!("{page}/part");
        assert!(super::form(&html, &action).is_none(), "nothing waits yet");
        let retry = super::form(&html, &format!("{page}/retry")).unwrap();
        let grant = retry.iter().find(|(name, _)| name == "grant").unwrap();
        let id = GrantId::from(grant.1.as_str());
        let asked = "the buyer can still get in: 37% of the course is done";
        let explaining = desk.server.app.db.write(move |tx| {
            Box::pin(async move { grant::explain(tx, &id, Who::Seller, asked).await })
        });
        explaining.await.unwrap();
        assert!(desk.page(&page).await.contains(asked));
        assert!(desk.page("/admin/grants").await.contains(asked));
        let values = [("why", "a friend"), ("parting", "leave")];
        let left = desk.decide(&page, &action, &values).await;
        assert!(left.contains("left on the platform by a person: a friend"));
        desk.server.drain().await;
        assert!(super::form(&desk.page(&page).await, &action).is_none());
    })
    .await;
}

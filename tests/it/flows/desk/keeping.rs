//! What else waits for a person: refunds, orders, access that stands still, messages; and the page
//! that says how much of each there is.

use bursar::id::GrantId;
use bursar::model::grant;
use bursar::model::transfer::Class;
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
        desk.server.wait(std::time::Duration::from_secs(3 * 3600));
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

#[test]
fn the_reader_of_forms_takes_values_as_a_browser_does() {
    let input = r#" type="hidden" name="code" value="DH1""#;
    assert_eq!(attribute(input, "name").as_deref(), Some("code"));
    assert_eq!(attribute(input, "value").as_deref(), Some("DH1"));
    assert_eq!(attribute(input, "id"), None);
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

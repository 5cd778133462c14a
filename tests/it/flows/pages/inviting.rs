//! An invitation of the platform, on the order's page.

use bursar::model::grant::{GrantState, Step};
use bursar::outcome::{Receipt, Who};
use bursar::words::Locale;
use serde_json::json;

use super::stand::each;

#[tokio::test]
async fn an_invitation_is_a_button_on_the_page_and_no_access_is_claimed() {
    each(async |stand| {
        let order = stand.bought(&["learn"]).await;
        let link = "https://learn.example.com/invitations/7";
        stand
            .advance(&order, GrantState::Working, Step::default())
            .await;
        let invited = Step {
            who: Some(Who::Buyer),
            why: Some("an inside reason".to_owned()),
            receipt: Some(Receipt(json!({ "invited": true, "link": link }))),
            ..Step::default()
        };
        stand
            .advance(&order, GrantState::ActionNeeded, invited)
            .await;
        for locale in Locale::ALL {
            let page = stand.order_page(&order, locale).await;
            for key in [
                "order.note.needs_you.accept_by_link",
                "order.benefit.accept",
            ] {
                assert!(
                    page.contains(&*locale.say(key)),
                    "{key} in {locale:?}: {page}"
                );
            }
            assert!(!page.contains(&*locale.say("order.benefit.learn")));
        }
        let page = stand.order_page(&order, Locale::En).await;
        assert!(page.contains(&format!("href=\"{link}\"")), "{page}");
        assert!(!page.contains("inside reason"));
    })
    .await;
}

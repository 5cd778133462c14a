//! The words of what is under way with an order's money: other ways to pay, remarks, refunds.

use super::money::{Late, RefundStage, RefundView, Surplus, Way};
use super::view::OrderView;
use crate::connectors::gateways::teller::Means;
use crate::money::Money;
use crate::web::frame::{Frame, Html};
use crate::web::icon::Icon;

impl OrderView {
    /// Something stands between the headline and the rest.
    #[must_use]
    pub fn has_news(&self) -> bool {
        let failed = self.pay().is_some_and(|pay| pay.failed.is_some());
        self.notice.is_some() || failed || self.late.is_some() || self.surplus.is_some()
    }

    /// What is said of a payment that failed on a gateway's page.
    #[must_use]
    pub fn failed(&self, frame: &Frame) -> Option<String> {
        let means = self.pay()?.failed?;
        let key = format!("order.way.{}.failed", means_key(means));
        Some(frame.say(&key).into_owned())
    }

    /// What there is to add about the money, each in a sentence or two.
    #[must_use]
    pub fn remarks(&self) -> Vec<Html> {
        let frame = &self.frame;
        let late = self.late.map(|late| match late {
            Late::Paid => frame.html("order.late.paid"),
            Late::Reopened => frame.html("order.late.reopened"),
        });
        let surplus = self.surplus.iter().flat_map(|surplus| surplus.words(frame));
        late.into_iter().chain(surplus).collect()
    }
}

impl Surplus {
    fn words(&self, frame: &Frame) -> Vec<Html> {
        let with = |key, amount: Money| {
            frame.html_with(
                key,
                &[("amount", &amount.to_string().replace(' ', "\u{a0}"))],
            )
        };
        let mut words = Vec::new();
        if self.due.minor > 0 {
            words.push(with("order.surplus.due", self.due));
        }
        if self.returned.minor > 0 {
            words.push(with("order.surplus.returned", self.returned));
        }
        words
    }
}

impl Way {
    fn key(&self) -> &'static str {
        means_key(self.means)
    }

    /// Its pictogram.
    #[must_use]
    pub fn icon(&self) -> Icon {
        match self.means {
            Means::Card | Means::Any => Icon::Card,
            Means::Transfer => Icon::Bank,
        }
    }

    /// What it is called.
    #[must_use]
    pub fn label(&self, frame: &Frame) -> String {
        frame
            .say(&format!("order.way.{}.label", self.key()))
            .into_owned()
    }

    /// What is behind it.
    #[must_use]
    pub fn hint(&self, frame: &Frame) -> String {
        frame
            .say(&format!("order.way.{}.hint", self.key()))
            .into_owned()
    }
}

impl RefundView {
    /// What it is for.
    #[must_use]
    pub fn subject(&self, frame: &Frame) -> String {
        match &self.course {
            Some(title) => title.clone(),
            None => frame.say("order.refund.order").into_owned(),
        }
    }

    /// How far it is, and by which way.
    #[must_use]
    pub fn words(&self, frame: &Frame) -> Html {
        let way = match (self.by_hand, &self.reference) {
            (false, _) => "same_way",
            (true, None) => "by_hand",
            (true, Some(_)) => "by_hand_named",
        };
        let stage = match self.stage {
            RefundStage::Decided => "decided",
            RefundStage::OnTheWay => "on_the_way",
            RefundStage::Done => "done",
        };
        let reference = self.reference.as_deref().unwrap_or_default();
        let way = frame.with(&format!("order.refund.{way}"), "reference", reference);
        let key = format!("order.refund.{stage}");
        frame.at_with(&key, frame.date(&self.at), &[("way", &way)])
    }
}

fn means_key(means: Means) -> &'static str {
    match means {
        Means::Card => "card",
        Means::Transfer => "transfer",
        Means::Any => "any",
    }
}

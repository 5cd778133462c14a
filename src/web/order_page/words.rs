//! Which words, pictogram and tone each state of the order page has. The words themselves are in
//! `locales/order.yml`.

use super::money::MoneyState;
use super::view::{Access, BenefitKind, BuyerTask, Ended, LineView, Offer, OrderView};
use crate::clock::Timestamp;
use crate::connectors::gateways::teller::Means;
use crate::web::frame::{Frame, Html, Time};
use crate::web::icon::Icon;

/// How a state feels; a CSS class, never the only sign of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing happens here yet.
    Quiet,
    /// Something is going on.
    Busy,
    /// Good.
    Good,
    /// Somebody has to act.
    Attention,
    /// It ended badly.
    Bad,
}

impl Tone {
    /// The CSS class.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Busy => "busy",
            Self::Good => "good",
            Self::Attention => "attention",
            Self::Bad => "bad",
        }
    }
}

/// The first thing the page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headline {
    /// Its pictogram.
    pub icon: Icon,
    /// Its tone.
    pub tone: Tone,
    /// A few words.
    pub title: String,
    /// One or two sentences.
    pub text: Html,
}

/// One of the four milestones at the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub label: String,
    /// When it was passed.
    pub at: Option<Time>,
    /// `past`, `now`, `next`: the CSS class.
    pub class: &'static str,
    /// The same for readers of the screen.
    pub spoken: String,
}

impl Access {
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Yours { ending: true, .. } => "ending",
            Self::Yours { .. } => "yours",
            Self::Revoked {
                why: Some(Ended::Refunded | Ended::ChargedBack),
                ..
            } => "refunded",
            Self::Revoked { .. } => "revoked",
            Self::Paused { .. } => "paused",
            Self::NotPaid => "not_paid",
            Self::WaitingForPayment => "unpaid",
            Self::Waiting => "waiting",
            Self::Working => "working",
            Self::Checking => "checking",
            Self::Retrying { .. } => "retrying",
            Self::Failed => "failed",
            Self::NeedsSeller => "needs_seller",
            Self::NeedsYou(_) => "needs_you",
        }
    }

    /// Its pictogram.
    #[must_use]
    pub fn icon(&self) -> Icon {
        match self {
            Self::Yours { .. } => Icon::CheckCircle,
            Self::Revoked {
                why: Some(Ended::Refunded | Ended::ChargedBack),
                ..
            } => Icon::Return,
            Self::Revoked { .. } | Self::Paused { .. } => Icon::Lock,
            Self::WaitingForPayment | Self::Waiting => Icon::Clock,
            Self::Working => Icon::Spinner,
            Self::Checking => Icon::Search,
            Self::Retrying { .. } => Icon::Repeat,
            Self::Failed | Self::NotPaid => Icon::CrossCircle,
            Self::NeedsSeller => Icon::Shop,
            Self::NeedsYou(_) => Icon::Person,
        }
    }

    /// Its tone.
    #[must_use]
    pub fn tone(&self) -> Tone {
        match self {
            Self::Yours { ending: true, .. } | Self::Paused { .. } | Self::NeedsYou(_) => {
                Tone::Attention
            }
            Self::Yours { .. } => Tone::Good,
            Self::Revoked { .. } | Self::NotPaid | Self::WaitingForPayment | Self::Waiting => {
                Tone::Quiet
            }
            Self::Working | Self::Checking | Self::Retrying { .. } | Self::NeedsSeller => {
                Tone::Busy
            }
            Self::Failed => Tone::Bad,
        }
    }

    /// The label of its chip.
    #[must_use]
    pub fn label(&self, frame: &Frame) -> String {
        frame
            .say(&format!("order.state.{}", self.key()))
            .into_owned()
    }

    /// What it means, and what happens next.
    #[must_use]
    pub fn note(&self, frame: &Frame) -> Html {
        match self {
            Self::Yours { until: None, .. } => frame.html("order.note.yours"),
            Self::Yours {
                until: Some(until),
                ending: true,
                ..
            } => frame.at("order.note.yours_ending", frame.long(until)),
            Self::Yours {
                until: Some(until), ..
            } => frame.at("order.note.yours_until", frame.date(until)),
            Self::Revoked { at: Some(at), why } => {
                let key = why.map_or("revoked_at", Ended::key);
                frame.at(&format!("order.note.{key}"), frame.date(at))
            }
            Self::Revoked { at: None, .. } => frame.html("order.note.revoked"),
            Self::Paused { at: Some(at) } => frame.at("order.note.paused_at", frame.date(at)),
            Self::Retrying { next_at, attempt } => frame.at_with(
                "order.note.retrying",
                frame.clock(next_at),
                &[("attempt", &attempt.to_string())],
            ),
            Self::NeedsYou(task) => frame.html(&format!("order.note.needs_you.{}", task.key())),
            other => frame.html(&format!("order.note.{}", other.key())),
        }
    }
}

impl Ended {
    fn key(self) -> &'static str {
        match self {
            Self::TimeUp => "time_up",
            Self::Refunded => "refunded_at",
            Self::ChargedBack => "charged_back",
            Self::BySeller => "revoked_at",
        }
    }
}

impl BuyerTask {
    fn key(&self) -> &'static str {
        match self {
            Self::AddressRefused => "address_refused",
            Self::AccountDisabled => "account_disabled",
            Self::AcceptInvitation { link: Some(_) } => "accept_by_link",
            Self::AcceptInvitation { link: None } => "accept_invitation",
            Self::Write => "write",
        }
    }
}

impl BenefitKind {
    /// Its pictogram.
    #[must_use]
    pub fn icon(self) -> Icon {
        match self {
            Self::Enrolment => Icon::Play,
            Self::Files(_) => Icon::File,
        }
    }

    /// What it is.
    #[must_use]
    pub fn label(self, frame: &Frame) -> String {
        match self {
            Self::Enrolment => frame.say("order.benefit.enrolment").into_owned(),
            Self::Files(0) => frame.say("order.benefit.files.some").into_owned(),
            Self::Files(count) => frame.count("order.benefit.files", count),
        }
    }

    /// The words of its button.
    #[must_use]
    pub fn action(self, frame: &Frame) -> String {
        let key = match self {
            Self::Enrolment => "order.benefit.learn",
            Self::Files(_) => "order.benefit.download",
        };
        frame.say(key).into_owned()
    }
}

impl Offer {
    /// The rule in words.
    #[must_use]
    pub fn words(&self, frame: &Frame) -> String {
        match self {
            Self::Gift => frame.say("order.offer.gift").into_owned(),
            Self::Bundle(title) => frame.with("order.offer.bundle", "title", title),
            Self::Combo(count) => frame.with("order.offer.combo", "count", count),
        }
    }
}

impl OrderView {
    /// The first thing the page says.
    #[must_use]
    pub fn headline(&self) -> Headline {
        let (key, icon, tone) = self.gist();
        let frame = &self.frame;
        let missing = match &self.money {
            MoneyState::PartlyPaid { pay, .. } => pay.amount.to_string(),
            MoneyState::Refunded { amount, .. } | MoneyState::PartiallyRefunded { amount } => {
                amount.to_string()
            }
            _ => String::new(),
        };
        // A title may break anywhere but between a number and its sign.
        let missing = missing.replace(' ', "\u{a0}");
        let (ready, all) = (self.ready().to_string(), self.lines.len().to_string());
        let email = self.email.to_string();
        let values = [
            ("amount", missing.as_str()),
            ("ready", &ready),
            ("count", &all),
            ("email", &email),
            ("shop", &frame.shop_name),
        ];
        Headline {
            icon,
            tone,
            title: frame
                .locale
                .fill(&format!("order.headline.{key}.title"), &values),
            text: frame.html_with(&format!("order.headline.{key}.text"), &values),
        }
    }

    fn gist(&self) -> (&'static str, Icon, Tone) {
        match self.money {
            MoneyState::Awaiting(ref pay) if pay.transfer.is_none() => {
                ("choose_page", Icon::Card, Tone::Busy)
            }
            MoneyState::Awaiting(ref pay) if pay.is_choice() => ("choose", Icon::Bank, Tone::Busy),
            MoneyState::Awaiting(_) => ("awaiting", Icon::Bank, Tone::Busy),
            MoneyState::PartlyPaid { .. } => ("partly", Icon::Bank, Tone::Attention),
            MoneyState::Expired { .. } => ("expired", Icon::Clock, Tone::Quiet),
            MoneyState::Cancelled { .. } => ("cancelled", Icon::CrossCircle, Tone::Quiet),
            MoneyState::Confirming(Means::Card) => ("confirming_card", Icon::Spinner, Tone::Busy),
            MoneyState::Confirming(_) => ("confirming", Icon::Spinner, Tone::Busy),
            MoneyState::Disputed => ("disputed", Icon::Lock, Tone::Attention),
            MoneyState::Refunded { disputed: true, .. } => {
                ("charged_back", Icon::Return, Tone::Quiet)
            }
            MoneyState::Refunded { .. } => ("refunded", Icon::Return, Tone::Quiet),
            MoneyState::PartiallyRefunded { .. } => ("part_refunded", Icon::Return, Tone::Quiet),
            MoneyState::Paid => self.gist_of_lines(),
        }
    }

    fn gist_of_lines(&self) -> (&'static str, Icon, Tone) {
        let any = |wanted: fn(&Access) -> bool| self.lines.iter().any(|l| wanted(l.access()));
        if any(|a| matches!(a, Access::NeedsYou(_))) {
            ("needs_you", Icon::Person, Tone::Attention)
        } else if any(|a| !a.is_final() && !matches!(a, Access::NeedsSeller)) {
            let key = if self.gift { "gift_working" } else { "working" };
            (key, Icon::Spinner, Tone::Busy)
        } else if any(|a| matches!(a, Access::NeedsSeller)) {
            ("needs_seller", Icon::Shop, Tone::Busy)
        } else if any(|a| matches!(a, Access::Failed)) {
            ("some_failed", Icon::CrossCircle, Tone::Attention)
        } else if any(|a| matches!(a, Access::Revoked { .. })) {
            ("revoked", Icon::Lock, Tone::Quiet)
        } else {
            let key = if self.gift { "gift_done" } else { "done" };
            (key, Icon::CheckCircle, Tone::Good)
        }
    }

    /// Ordered, paid, granted, done: with times where they have come.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let first = if self.gift { "given" } else { "ordered" };
        let mut times = vec![
            (first, Some(self.times.ordered)),
            ("paid", self.times.paid),
            ("granted", self.times.granted),
            ("done", self.times.done),
        ];
        // Nobody pays for a present.
        times.retain(|(name, _)| !(self.gift && *name == "paid"));
        let stopped = matches!(
            self.money,
            MoneyState::Expired { .. } | MoneyState::Cancelled { .. }
        );
        let current = times.iter().position(|(_, at)| at.is_none());
        let step = |(place, (name, at)): (usize, (&str, Option<Timestamp>))| {
            let class = match (at.is_some(), current == Some(place) && !stopped) {
                (true, _) => "past",
                (false, true) => "now",
                (false, false) => "next",
            };
            Step {
                label: self.frame.say(&format!("order.step.{name}")).into_owned(),
                at: at.map(|at| self.frame.short(&at)),
                class,
                spoken: self
                    .frame
                    .say(&format!("order.step_is.{class}"))
                    .into_owned(),
            }
        };
        times.into_iter().enumerate().map(step).collect()
    }
}

impl LineView {
    /// Its promises are in different states, so each is shown with its own.
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        let whole = self.access().key();
        self.benefits
            .iter()
            .any(|benefit| benefit.access.key() != whole)
    }
}

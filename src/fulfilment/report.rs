//! Money reports: what moved per day and account, and our books against a gateway's own list. They
//! decide nothing and change nothing.

use std::collections::BTreeMap;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::fact::{Direction, TransferFact};
use crate::model::report::{self, Booked, Moved, Place, Span, Tally};

/// Our books are searched so much further to both sides: the same transfer may be booked on another day.
pub const MARGIN: Duration = Duration::from_hours(168);

/// One day of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which.
    pub place: Place,
    /// What moved that day, and what has become of it.
    pub moved: Moved,
    /// What went back that day, whenever it had come.
    pub refunded: Tally,
}

/// Every day and account of a span on which something happened. An empty `account` is all.
pub async fn money(tx: &mut Tx<'_>, span: &Span, account: &str) -> Result<Vec<Line>> {
    let mut lines: BTreeMap<Place, (Moved, Tally)> = BTreeMap::new();
    for (place, moved) in report::moved(tx, span, account).await? {
        lines.entry(place).or_default().0 = moved;
    }
    for (place, refunded) in report::refunded(tx, span, account).await? {
        lines.entry(place).or_default().1 = refunded;
    }
    let line = |(place, (moved, refunded))| Line {
        place,
        moved,
        refunded,
    };
    Ok(lines.into_iter().map(line).collect())
}

/// What our books have around a span.
pub async fn around(tx: &mut Tx<'_>, span: &Span) -> Result<Vec<Booked>> {
    let wider = Span {
        from: span.from.minus(MARGIN),
        to: span.to.plus(MARGIN),
        ..*span
    };
    report::booked(tx, &wider).await
}

/// In what our books and the gateway's list differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The gateway has it, our books do not.
    OnlyThere,
    /// Our books have it, the gateway's list does not.
    OnlyHere,
    /// Both have it, with another amount: ours, in minor units.
    Amount(i64),
    /// Both have it, on another day: ours.
    Day(String),
    /// It moved on an account that the settings do not name.
    UnknownAccount,
}

impl Kind {
    /// In words, for people and files.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::OnlyThere => "only at the gateway",
            Self::OnlyHere => "only in our books",
            Self::Amount(_) => "amount differs",
            Self::Day(_) => "booked on another day",
            Self::UnknownAccount => "account not in the settings",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub kind: Kind,
    /// Whose list, or who reported it.
    pub gateway: String,
    /// The id of the transfer there.
    pub provider_id: String,
    /// When it was booked, by the gateway where it has it.
    pub at: Option<Timestamp>,
    /// The account.
    pub account: String,
    /// Which way.
    pub direction: Direction,
    /// Minor units, by the gateway where it has it.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// The bank's reference.
    pub reference: String,
}

/// What is compared.
pub struct Sides<'a> {
    /// The span; what lies outside on both sides is no difference.
    pub span: Span,
    /// One account only; empty is all.
    pub account: &'a str,
    /// The accounts of the settings; empty knows every account.
    pub known_accounts: &'a [String],
    /// The gateways whose lists were read.
    pub gateways: &'a [&'a str],
    /// What those lists have.
    pub listed: &'a [TransferFact],
    /// What our books have [`around`] the span.
    pub booked: &'a [Booked],
}

/// Every difference, by time.
#[must_use]
pub fn compare(sides: &Sides<'_>) -> Vec<Difference> {
    let listed = sides.once_each();
    let pairs = pairs(&listed, sides.booked);
    let mut differences = Vec::new();
    for (fact, ours) in listed.iter().zip(&pairs) {
        let ours = ours.map(|place| &sides.booked[place]);
        differences.extend(sides.of_listed(fact, ours));
    }
    let found: HashSet<usize> = pairs.into_iter().flatten().collect();
    let missing = sides.booked.iter().enumerate();
    let missing = missing.filter(|(place, ours)| !found.contains(place) && sides.covers(ours));
    differences.extend(missing.map(|(_, ours)| of_ours(ours)));
    differences
        .sort_by(|a, b| (a.at, &a.provider_id, &a.kind).cmp(&(b.at, &b.provider_id, &b.kind)));
    differences
}

impl Sides<'_> {
    /// The same transfer may be in several lists of a gateway.
    fn once_each(&self) -> Vec<&TransferFact> {
        let mut seen = HashSet::new();
        let wanted = |fact: &&TransferFact| {
            let sub_account = fact.sub_account.as_deref();
            self.wants(&fact.account, sub_account)
        };
        let facts = self.listed.iter().filter(wanted);
        facts
            .filter(|fact| seen.insert((&fact.gateway, &fact.provider_id)))
            .collect()
    }

    fn wants(&self, account: &str, sub_account: Option<&str>) -> bool {
        self.account.is_empty() || self.account == account || sub_account == Some(self.account)
    }

    /// Would one of the lists have this, if the gateway knew it?
    fn covers(&self, ours: &Booked) -> bool {
        self.span.holds(ours.at)
            && self.wants(&ours.account, ours.sub_account.as_deref())
            && self.gateways.contains(&ours.gateway.as_str())
    }

    fn of_listed(&self, fact: &TransferFact, ours: Option<&Booked>) -> Vec<Difference> {
        let there = fact.booked_at.is_none_or(|at| self.span.holds(at));
        let here = ours.is_some_and(|ours| self.span.holds(ours.at));
        if !there && !here {
            return Vec::new();
        }
        let (amount, day) = (
            fact.amount.minor,
            fact.booked_at.map(|at| self.span.day(at)),
        );
        let kind = match ours {
            None => Some(Kind::OnlyThere),
            Some(ours) if ours.amount != amount => Some(Kind::Amount(ours.amount)),
            Some(ours) => {
                let our_day = self.span.day(ours.at);
                let differs = day.is_some_and(|day| day != our_day);
                differs.then_some(Kind::Day(our_day))
            }
        };
        let stranger = (!self.knows(fact)).then_some(Kind::UnknownAccount);
        let of = |kind| of_theirs(fact, kind);
        kind.into_iter().chain(stranger).map(of).collect()
    }

    /// A gateway that names the order received the money itself.
    fn knows(&self, fact: &TransferFact) -> bool {
        let is_known = |account: &String| {
            *account == fact.account || fact.sub_account.as_ref() == Some(account)
        };
        self.known_accounts.is_empty()
            || fact.order.is_some()
            || fact.account == fact.gateway
            || self.known_accounts.iter().any(is_known)
    }
}

/// For each listed transfer the place of ours: what has a name or a key in common first, so that
/// nothing takes its place; then what has the bank's reference, or looks alike without one; and only
/// then what has the reference with another amount.
fn pairs(listed: &[&TransferFact], booked: &[Booked]) -> Vec<Option<usize>> {
    let index = Index::new(booked);
    let mut pairs: Vec<Option<usize>> = listed.iter().map(|fact| index.certain(fact)).collect();
    let mut taken: HashSet<usize> = pairs.iter().copied().flatten().collect();
    for of_any_amount in [false, true] {
        for (fact, pair) in listed.iter().zip(&mut pairs) {
            if pair.is_none() {
                *pair = index.likely(fact, &taken, of_any_amount);
                taken.extend(*pair);
            }
        }
    }
    pairs
}

/// Ways to find a transfer of ours.
struct Index<'a> {
    names: HashMap<(&'a str, &'a str), usize>,
    natural: HashMap<&'a str, usize>,
    references: HashMap<(&'a str, &'a str), Vec<usize>>,
    alike: HashMap<(&'a str, i64, i64), Vec<usize>>,
    booked: &'a [Booked],
}

impl<'a> Index<'a> {
    fn new(booked: &'a [Booked]) -> Self {
        let mut index = Self {
            names: HashMap::new(),
            natural: HashMap::new(),
            references: HashMap::new(),
            alike: HashMap::new(),
            booked,
        };
        for (place, ours) in booked.iter().enumerate() {
            let names = ours.names.iter();
            let names = names.map(|(gateway, id)| ((gateway.as_str(), id.as_str()), place));
            index.names.extend(names);
            index
                .natural
                .extend(ours.natural_key.as_deref().map(|key| (key, place)));
            let account = ours.account.as_str();
            if ours.reference.is_empty() {
                let second = ours.at.unix_seconds();
                let alike = index.alike.entry((account, ours.amount, second));
                alike.or_default().push(place);
            } else {
                let reference = index.references.entry((account, &ours.reference));
                reference.or_default().push(place);
            }
        }
        index
    }

    fn certain(&self, fact: &TransferFact) -> Option<usize> {
        let name = (fact.gateway.as_str(), fact.provider_id.as_str());
        let by_key = || self.natural.get(fact.natural_key.as_deref()?).copied();
        self.names.get(&name).copied().or_else(by_key)
    }

    fn likely(
        &self,
        fact: &TransferFact,
        taken: &HashSet<usize>,
        of_any_amount: bool,
    ) -> Option<usize> {
        let account = fact.account.as_str();
        let candidates = if fact.reference.is_empty() {
            let second = fact.booked_at?.unix_seconds();
            self.alike.get(&(account, fact.amount.minor, second))
        } else {
            self.references.get(&(account, &fact.reference))
        };
        let fits = |place: &&usize| {
            let ours = &self.booked[**place];
            !taken.contains(*place)
                && ours.direction == fact.direction
                && (of_any_amount || ours.amount == fact.amount.minor)
        };
        candidates?.iter().find(fits).copied()
    }
}

fn of_theirs(fact: &TransferFact, kind: Kind) -> Difference {
    Difference {
        kind,
        gateway: fact.gateway.clone(),
        provider_id: fact.provider_id.clone(),
        at: fact.booked_at,
        account: fact.account.clone(),
        direction: fact.direction,
        amount: fact.amount.minor,
        currency: fact.amount.currency.code().to_owned(),
        reference: fact.reference.clone(),
    }
}

fn of_ours(ours: &Booked) -> Difference {
    let name = ours
        .names
        .iter()
        .find(|(gateway, _)| *gateway == ours.gateway);
    Difference {
        kind: Kind::OnlyHere,
        gateway: ours.gateway.clone(),
        provider_id: name.map(|(_, id)| id.clone()).unwrap_or_default(),
        at: Some(ours.at),
        account: ours.account.clone(),
        direction: ours.direction,
        amount: ours.amount,
        currency: ours.currency.clone(),
        reference: ours.reference.clone(),
    }
}

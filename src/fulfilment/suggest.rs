//! Suggest: for a transfer that waits for a person, the orders that it was most likely meant for,
//! best first, each with its reasons. It only suggests: nothing here changes anything.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use super::Policy;
use crate::ascii;
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::model::code::{self, Texts};
use crate::model::order::{self, Order};
use crate::model::transfer::Transfer;
use crate::money::Money;

/// Suggestions for one transfer.
const MOST: usize = 5;
/// An order that expired longer ago is not suggested, unless its code is in the memo.
const EXPIRED_WITHIN: Duration = Duration::from_hours(720);
/// People pay soon after they order.
const SOON: Duration = Duration::from_hours(24);
/// A shorter word alone, of a name or an address, stands in memos by chance.
const TELLING_NAME: usize = 4;
const TELLING_ADDRESS: usize = 5;

/// What is known of a transfer.
#[derive(Debug, Clone)]
pub struct Clue {
    /// How much came.
    pub amount: Money,
    /// Its texts, as in the transfer's fact.
    pub memos: Vec<String>,
    /// When the money came.
    pub at: Timestamp,
}

impl Clue {
    /// What a transfer in the books says of itself.
    #[must_use]
    pub fn of(transfer: &Transfer) -> Self {
        Self {
            amount: transfer.amount,
            memos: transfer.memo.lines().map(str::to_owned).collect(),
            at: transfer.booked_at.unwrap_or(transfer.received_at),
        }
    }
}

/// An order that a transfer may have been meant for.
#[derive(Debug, Clone)]
pub struct Suggestion {
    /// The order, as it is now.
    pub order: Order,
    /// The higher the likelier; only good for comparing.
    pub score: i64,
    /// Why, the strongest first.
    pub reasons: Vec<Reason>,
}

/// Why an order is suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its code is in the memo exactly.
    Code,
    /// Its code is in the memo but for one typing mistake.
    NearCode,
    /// The amount is exactly what it still owes.
    Amount,
    /// The amount is within the tolerance or two per cent of that.
    NearAmount,
    /// The buyer's name is in the memo.
    Name,
    /// The part of the buyer's address before the @ is in the memo.
    Email,
    /// It was placed within the 24 hours before.
    Time,
}

impl Reason {
    /// Stable, for programs: the last part of its text's key.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.key().rsplit('.').next().unwrap_or_default()
    }

    /// Of its text.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Code => "transfer.reason.code",
            Self::NearCode => "transfer.reason.near_code",
            Self::Amount => "transfer.reason.amount",
            Self::NearAmount => "transfer.reason.near_amount",
            Self::Name => "transfer.reason.name",
            Self::Email => "transfer.reason.email",
            Self::Time => "transfer.reason.time",
        }
    }

    /// Chosen so that a code goes before all else together, and one typing mistake in an order of
    /// the same amount before everything but a code.
    fn weight(self) -> i64 {
        match self {
            Self::Code => 1000,
            Self::NearCode => 400,
            Self::Amount => 200,
            Self::Name => 120,
            Self::Email => 100,
            Self::NearAmount => 80,
            Self::Time => 40,
        }
    }
}

/// The orders that this money was most likely meant for, at most five.
pub async fn suggest(tx: &mut Tx<'_>, policy: &Policy, clue: &Clue) -> Result<Vec<Suggestion>> {
    let since = clue.at.minus(EXPIRED_WITHIN);
    let mut orders = order::candidates(tx, clue.amount, since).await?;
    for code in code::find_codes(&clue.memos, &policy.prefix) {
        let named = order::by_code(tx, &code).await?;
        orders.extend(named.filter(|named| orders.iter().all(|order| order.id != named.id)));
    }
    Ok(ranked(policy.tolerance, clue, orders))
}

/// The best of these orders, best first; those that nothing but their age speaks for are left out.
/// Of the same score, the one placed nearest to the transfer goes first.
#[must_use]
pub fn ranked(tolerance: i64, clue: &Clue, orders: Vec<Order>) -> Vec<Suggestion> {
    let memo = Memo::new(&clue.memos);
    let mut suggestions: Vec<Suggestion> = orders
        .into_iter()
        .filter_map(|order| judge(tolerance, clue, &memo, order))
        .collect();
    suggestions.sort_by_cached_key(|suggestion| {
        let order = &suggestion.order;
        let apart = order.created_at.0.abs_diff(clue.at.0);
        (Reverse(suggestion.score), apart, order.id.clone())
    });
    suggestions.truncate(MOST);
    suggestions
}

/// The texts of a transfer, prepared for many comparisons.
struct Memo {
    texts: Texts,
    words: BTreeSet<String>,
}

impl Memo {
    fn new(memos: &[String]) -> Self {
        Self {
            texts: Texts::new(memos),
            words: memos.iter().flat_map(|memo| words(memo)).collect(),
        }
    }
}

fn judge(tolerance: i64, clue: &Clue, memo: &Memo, order: Order) -> Option<Suggestion> {
    let reasons: Vec<Reason> = [
        by_code(memo, &order),
        by_amount(tolerance, clue.amount, &order),
        has_name(memo, &order.name).then_some(Reason::Name),
        has_address(memo, &order.email).then_some(Reason::Email),
        is_recent(clue.at, order.created_at).then_some(Reason::Time),
    ]
    .into_iter()
    .flatten()
    .collect();
    let suggested = reasons.iter().any(|reason| *reason != Reason::Time);
    suggested.then(|| Suggestion {
        order,
        score: reasons.iter().map(|reason| reason.weight()).sum(),
        reasons,
    })
}

fn by_code(memo: &Memo, order: &Order) -> Option<Reason> {
    if memo.texts.holds(order.code.as_str()) {
        return Some(Reason::Code);
    }
    memo.texts.is_near(&order.code).then_some(Reason::NearCode)
}

fn by_amount(tolerance: i64, amount: Money, order: &Order) -> Option<Reason> {
    let owed = order.owed();
    if amount.currency != order.total.currency || owed == 0 {
        return None;
    }
    let apart = (amount.minor - owed).abs();
    match apart {
        0 => Some(Reason::Amount),
        _ if apart <= tolerance.max(owed / 50) => Some(Reason::NearAmount),
        _ => None,
    }
}

/// Every word of the name, in whatever order: payers' banks write middle names that buyers leave
/// out. One short word is no evidence.
fn has_name(memo: &Memo, name: &str) -> bool {
    let name = words(name);
    let telling = name.len() > 1 || name.iter().any(|word| word.len() >= TELLING_NAME);
    telling && name.iter().all(|word| memo.words.contains(word))
}

/// Banks drop the dots and underscores, so letters and digits are compared.
fn has_address(memo: &Memo, email: &str) -> bool {
    let local = email.split(['@', '+']).next().unwrap_or_default();
    let letters = words(local).concat();
    letters.len() >= TELLING_ADDRESS && memo.texts.holds(&letters)
}

fn is_recent(at: Timestamp, placed: Timestamp) -> bool {
    placed <= at && at.since(placed) <= SOON
}

/// Words in ASCII capitals.
fn words(text: &str) -> Vec<String> {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        ascii::fold(character, |plain| folded.push(plain.to_ascii_uppercase()));
    }
    let words = folded.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

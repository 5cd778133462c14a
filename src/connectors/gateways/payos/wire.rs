//! payOS's bodies, read leniently. A webhook's `data` is one transfer; the `data` of a payment link,
//! as the API gives it, is its state and all its transfers. Source: payos.vn/docs/api, and answers that
//! users published where it is silent (a link's times carry an offset, a webhook's do not).

use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde_json::{Map, Value};

use super::answer::ABSENT;
use super::{NAME, NotUnderstood};
use crate::clock::Timestamp;
use crate::fact::{CheckoutFact, CheckoutState, Direction, Fact, OrderName, TransferFact};
use crate::money::Money;

/// The code of success, of a call and of a transfer.
pub(super) const SUCCESS: &str = "00";
/// Order codes of ours are never below: see [`super::api`].
pub(super) const LEAST_ORDER_CODE: i64 = 1 << 52;

/// payOS writes Vietnam's wall clock into webhooks, without saying so.
const VIETNAM_SECONDS: i32 = 7 * 60 * 60;
/// `2023-02-04 18:25:00`.
const DATE_FORMAT: &str = "%Y-%m-%d %H:%M:%S";
/// What a webhook holds that payOS sends to try the address; also in the vendor's own examples.
const PROBES: [&str; 2] = ["VQRIO123", "Ma giao dich thu nghiem"];
/// More than any bank moves in one transfer: a fault of the sender, not money.
const MOST_DONG: i64 = 10_000_000_000_000;
const LONGEST_NAME: usize = 128;

/// What is around every `data`.
pub(super) struct Envelope {
    pub code: Option<String>,
    pub desc: String,
    pub data: Option<Map<String, Value>>,
    pub signature: Option<String>,
    /// The code that we asked for, where the answer was that it has no link.
    asked: Option<String>,
}

impl Envelope {
    pub(super) fn read(body: &[u8]) -> Result<Self, NotUnderstood> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let mut fields: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|e| fault("body", &format!("is not a JSON object we can read: {e}")))?;
        let data = match fields.remove("data") {
            None | Some(Value::Null) => None,
            Some(Value::Object(data)) => Some(data),
            Some(_) => return Err(fault("data", "is not an object")),
        };
        let fields = Fields(&fields);
        Ok(Self {
            code: fields.text("code")?,
            desc: fields.text("desc").ok().flatten().unwrap_or_default(),
            signature: fields.text("signature")?,
            asked: fields.text("asked")?,
            data,
        })
    }
}

/// What a body reports: a webhook's, or a payment link's.
pub(super) fn read(body: &[u8]) -> Result<Vec<Fact>, NotUnderstood> {
    let envelope = Envelope::read(body)?;
    let Some(data) = &envelope.data else {
        return without_data(envelope);
    };
    match link(data)? {
        Some(link) => link.facts(),
        None => notice(&Fields(data)),
    }
}

/// An error of the API. That a link does not exist is worth knowing: nobody can pay there.
fn without_data(envelope: Envelope) -> Result<Vec<Fact>, NotUnderstood> {
    match (envelope.code.as_deref(), envelope.asked) {
        (Some(ABSENT), Some(asked)) => Ok(vec![checkout(asked, CheckoutState::Expired)]),
        (None | Some(SUCCESS), _) => Err(fault("data", "is missing")),
        _ => Ok(Vec::new()),
    }
}

/// What makes two bodies the same event. A link is the same as long as it stands the same.
pub(super) fn event_key(body: &[u8]) -> Option<String> {
    let data = Envelope::read(body).ok()?.data?;
    if let Some(link) = link(&data).ok()? {
        return Some(link.event_key());
    }
    let fields = Fields(&data);
    // A transfer that failed and then went through may keep its reference: the code tells.
    let parts = ["paymentLinkId", "reference", "code"].map(|name| fields.text(name).ok().flatten());
    let [Some(link), Some(reference), Some(code)] = parts else {
        return None;
    };
    Some(format!("{link}:{reference}:{code}"))
}

/// A payment link, as the API shows it.
pub(super) struct Link<'a> {
    pub id: String,
    pub order_code: i64,
    pub amount: i64,
    paid: i64,
    status: String,
    transactions: &'a [Value],
}

/// `None`: this is no link but a webhook.
pub(super) fn link(data: &Map<String, Value>) -> Result<Option<Link<'_>>, NotUnderstood> {
    let Some(transactions) = data.get("transactions") else {
        return Ok(None);
    };
    let transactions = match transactions {
        Value::Null => &[],
        Value::Array(items) => items.as_slice(),
        _ => return Err(fault("transactions", "is not a list")),
    };
    let fields = Fields(data);
    Ok(Some(Link {
        id: fields.name("id")?,
        order_code: fields.whole("orderCode")?,
        amount: fields.dong("amount")?,
        paid: fields.dong("amountPaid")?,
        status: fields.required("status")?,
        transactions,
    }))
}

impl Link<'_> {
    pub(super) fn event_key(&self) -> String {
        format!("link:{}:{}:{}", self.id, self.status, self.paid)
    }

    /// Its transfers first: an order that is paid needs no word about its checkout.
    pub(super) fn facts(&self) -> Result<Vec<Fact>, NotUnderstood> {
        let mut facts = Vec::new();
        for transaction in self.transactions {
            let Value::Object(transaction) = transaction else {
                return Err(fault("transactions", "holds something that is no object"));
            };
            let transfer = transfer(&Fields(transaction), &self.id, self.order_code)?;
            facts.push(Fact::Transfer(transfer));
        }
        let state = self.state();
        facts.extend(state.map(|state| checkout(self.order_code.to_string(), state)));
        Ok(facts)
    }

    /// `None` for a word we do not know: it changes nothing.
    pub(super) fn state(&self) -> Option<CheckoutState> {
        match self.status.as_str() {
            "PENDING" | "PROCESSING" | "UNDERPAID" => Some(CheckoutState::Open),
            "PAID" => Some(CheckoutState::Complete),
            "CANCELLED" | "EXPIRED" => Some(CheckoutState::Expired),
            "FAILED" => Some(CheckoutState::Failed),
            _ => None,
        }
    }
}

/// Where the checkout of this order code stands.
fn checkout(reference: String, state: CheckoutState) -> Fact {
    Fact::Checkout(CheckoutFact {
        gateway: NAME.to_owned(),
        reference,
        payment: None,
        state,
    })
}

/// A webhook. Only what is signed counts: the outer `code` and `success` are not.
fn notice(fields: &Fields<'_>) -> Result<Vec<Fact>, NotUnderstood> {
    let order_code = fields.whole("orderCode")?;
    if is_probe(fields, order_code)? || fields.required("code")? != SUCCESS {
        return Ok(Vec::new());
    }
    let currency = fields.text("currency")?;
    if currency.is_some_and(|currency| currency != "VND") {
        return Err(fault("currency", "is not VND"));
    }
    let link = fields.name("paymentLinkId")?;
    Ok(vec![Fact::Transfer(transfer(fields, &link, order_code)?)])
}

/// A payer may write anything into a memo, so the memo alone makes no probe: for a link of ours it
/// would make money vanish.
fn is_probe(fields: &Fields<'_>, order_code: i64) -> Result<bool, NotUnderstood> {
    let description = fields.text("description")?.unwrap_or_default();
    Ok(order_code < LEAST_ORDER_CODE && PROBES.contains(&description.as_str()))
}

fn transfer(
    fields: &Fields<'_>,
    link: &str,
    order_code: i64,
) -> Result<TransferFact, NotUnderstood> {
    let account = fields.name("accountNumber")?;
    let amount = fields.dong("amount")?;
    let reference = fields.text("reference")?.unwrap_or_default();
    if reference.len() > LONGEST_NAME {
        return Err(fault("reference", "is too long"));
    }
    let written = fields.text("transactionDateTime")?.unwrap_or_default();
    let booked = wall_clock(&written);
    Ok(TransferFact {
        gateway: NAME.to_owned(),
        provider_id: match reference.as_str() {
            "" => format!("{link}:{amount}@{written:.64}"),
            reference => format!("{link}:{reference}"),
        },
        natural_key: natural_key(&account, amount, &reference, booked),
        account,
        sub_account: fields.text("virtualAccountNumber")?,
        direction: Direction::In,
        amount: Money::vnd(amount),
        reference,
        order: Some(OrderName::Checkout(order_code.to_string())),
        memos: fields.text("description")?.into_iter().collect(),
        booked_at: booked.and_then(in_vietnam),
    })
}

/// The parts that a gateway watching the same bank account joins, for banks that give both the same
/// reference and second. A reference that payOS made itself is no bank's, and may be no more than the
/// time: two buyers who pay the same price in one second would become one.
fn natural_key(
    account: &str,
    amount: i64,
    reference: &str,
    booked: Option<DateTime>,
) -> Option<String> {
    let by_the_bank = !reference.is_empty() && !is_made_by_payos(reference);
    let booked = booked.filter(|_| by_the_bank)?.strftime(DATE_FORMAT);
    Some(format!("{account}|in|{amount}|{reference}|{booked}"))
}

/// `TF230204212323`: TF, a date and a time.
fn is_made_by_payos(reference: &str) -> bool {
    let digits = reference.strip_prefix("TF").unwrap_or_default();
    digits.len() == 12 && digits.bytes().all(|c| c.is_ascii_digit())
}

/// Vietnam's wall clock, from either way of writing a time.
fn wall_clock(text: &str) -> Option<DateTime> {
    let offset = Offset::from_seconds(VIETNAM_SECONDS).ok()?;
    DateTime::strptime(DATE_FORMAT, text).ok().or_else(|| {
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(offset.to_datetime(instant))
    })
}

fn in_vietnam(wall_clock: DateTime) -> Option<Timestamp> {
    let offset = Offset::from_seconds(VIETNAM_SECONDS).ok()?;
    let instant = offset.to_timestamp(wall_clock).ok()?;
    Some(Timestamp(instant.as_millisecond()))
}

/// An object's fields, by what they must be.
pub(super) struct Fields<'a>(pub &'a Map<String, Value>);

impl Fields<'_> {
    /// A text or a number as it was written; empty counts as absent. PostgreSQL stores no NUL, so a
    /// blank takes its place.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, NotUnderstood> {
        let text = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.replace('\0', " ").trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(fault(name, "is neither text nor a number")),
        };
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    pub(super) fn required(&self, name: &str) -> Result<String, NotUnderstood> {
        self.text(name)?.ok_or_else(|| fault(name, "is missing"))
    }

    /// An id, an account: short and in plain characters.
    fn name(&self, name: &str) -> Result<String, NotUnderstood> {
        let text = self.required(name)?;
        let is_plain = text.len() <= LONGEST_NAME && text.bytes().all(|c| c.is_ascii_graphic());
        is_plain
            .then_some(text)
            .ok_or_else(|| fault(name, "is not a name we can keep"))
    }

    fn whole(&self, name: &str) -> Result<i64, NotUnderstood> {
        let text = self.required(name)?;
        let text = text.strip_suffix(".0").unwrap_or(&text);
        text.parse()
            .map_err(|_| fault(name, "is not a whole number"))
    }

    fn dong(&self, name: &str) -> Result<i64, NotUnderstood> {
        match self.whole(name)? {
            ..0 => Err(fault(name, "is negative")),
            dong if dong > MOST_DONG => Err(fault(name, "is absurdly large")),
            dong => Ok(dong),
        }
    }
}

fn fault(field: &str, what: &str) -> NotUnderstood {
    NotUnderstood(format!("{field} {what}"))
}

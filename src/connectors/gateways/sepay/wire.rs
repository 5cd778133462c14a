//! What SePay says of a transfer, read leniently: fields we do not know do not matter, numbers come as
//! numbers or as text. What is needed and cannot be understood is named. One transfer comes in three
//! shapes (webhook, item of the API v1, item of v2), each numbering transfers in its own way.

use jiff::civil::DateTime;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use self::field::{Field, fault, in_vietnam};
use super::{NAME, NotUnderstood};
use crate::fact::{Direction, TransferFact};
use crate::money::Money;

mod field;
mod form;

pub(super) use self::field::{DATE_FORMAT, VIETNAM_MINUTES};

/// What makes two bodies the same event: the id of the transaction and the road it came along, as
/// soon as the id can be read, whatever the rest is; else a digest of the body.
pub(super) fn event_key(body: &[u8]) -> String {
    let json = form::as_json(body);
    let id = json.and_then(|json| Shape::of(&json)?.provider_id());
    id.unwrap_or_else(|_| format!("sha256:{}", hex::encode(Sha256::digest(body))))
}

/// The transfer that a body tells of.
pub(super) fn read(body: &[u8]) -> Result<TransferFact, NotUnderstood> {
    let json = form::as_json(body)?;
    let shape = Shape::of(&json)?;
    let told = shape.told()?;
    Ok(TransferFact {
        gateway: NAME.to_owned(),
        provider_id: shape.provider_id()?,
        natural_key: told.natural_key(),
        account: told.account,
        sub_account: told.sub_account,
        direction: told.direction,
        amount: Money::vnd(told.dong),
        order: None,
        memos: told.memos.into_iter().flatten().collect(),
        reference: told.reference,
        booked_at: told.booked.and_then(in_vietnam),
    })
}

/// One transfer, whichever way it was told.
struct Told {
    account: String,
    sub_account: Option<String>,
    direction: Direction,
    dong: i64,
    reference: String,
    booked: Option<DateTime>,
    /// The memo, SePay's own extraction from it, the bank's raw notification. The memo is first,
    /// because it is the one text that every road has: [`TransferFact::weak_key`].
    memos: [Option<String>; 3],
}

impl Told {
    fn natural_key(&self) -> Option<String> {
        let booked = self.booked.filter(|_| !self.reference.is_empty())?;
        let Self {
            account,
            dong,
            reference,
            ..
        } = self;
        let direction = self.direction.as_str();
        let booked = booked.strftime(DATE_FORMAT);
        Some(format!("{account}|{direction}|{dong}|{reference}|{booked}"))
    }
}

enum Shape<'a> {
    Webhook(Webhook<'a>),
    Listed(Listed<'a>),
}

impl<'a> Shape<'a> {
    fn of(json: &'a [u8]) -> Result<Self, NotUnderstood> {
        let webhook: Webhook<'_> = parse(json)?;
        let listed: Listed<'_> = parse(json)?;
        Ok(if webhook.is_one() || !listed.is_one() {
            Self::Webhook(webhook)
        } else {
            Self::Listed(listed)
        })
    }

    /// A webhook's id as it is; the ids of the two APIs after the API's name. v2 has UUIDs. v1's
    /// numbers look like the webhook's, but nobody promises that they are: one taken for another
    /// would swallow money, while the same transfer under two ids is found by its natural key.
    fn provider_id(&self) -> Result<String, NotUnderstood> {
        match self {
            Self::Webhook(webhook) => Field("id", webhook.id).id(),
            Self::Listed(item) => {
                let id = Field("id", item.id).id()?;
                let is_number = id.bytes().all(|c| c.is_ascii_digit());
                let is_v1 = is_number && item.transfer_type.is_none();
                Ok(format!("{}:{id}", if is_v1 { "v1" } else { "v2" }))
            }
        }
    }

    fn told(&self) -> Result<Told, NotUnderstood> {
        match self {
            Self::Webhook(webhook) => webhook.told(),
            Self::Listed(item) => item.told(),
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, NotUnderstood> {
    serde_json::from_slice(json)
        .map_err(|e| fault("body", &format!("is not a JSON object we can read: {e}")))
}

/// Source: developer.sepay.vn, "Integrate webhook". Every value is kept as the text it came as
/// until it is needed, because account numbers and ids must not pass through a float.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    transaction_date: Option<&'a RawValue>,
    #[serde(borrow, default)]
    account_number: Option<&'a RawValue>,
    #[serde(borrow, default)]
    sub_account: Option<&'a RawValue>,
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    description: Option<&'a RawValue>,
    #[serde(borrow, default)]
    transfer_type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    transfer_amount: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reference_code: Option<&'a RawValue>,
}

impl Webhook<'_> {
    fn is_one(&self) -> bool {
        self.account_number.is_some()
            || self.transfer_amount.is_some()
            || self.transfer_type.is_some()
    }

    fn told(&self) -> Result<Told, NotUnderstood> {
        let date = Field("transactionDate", self.transaction_date);
        Ok(Told {
            account: Field("accountNumber", self.account_number).digits()?,
            direction: Field("transferType", self.transfer_type).direction()?,
            dong: Field("transferAmount", self.transfer_amount).dong()?,
            reference: Field("referenceCode", self.reference_code)
                .text()?
                .unwrap_or_default(),
            booked: date.wall_clock()?,
            sub_account: Field("subAccount", self.sub_account).text()?,
            memos: [
                Field("content", self.content).text()?,
                Field("code", self.code).text()?,
                Field("description", self.description).text()?,
            ],
        })
    }
}

/// Source: developer.sepay.vn, "API transactions" v1 and v2. v1 says `sub_account` and has no
/// `transfer_type`; v2 says `va`.
#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    transaction_date: Option<&'a RawValue>,
    #[serde(borrow, default)]
    account_number: Option<&'a RawValue>,
    #[serde(borrow, default)]
    sub_account: Option<&'a RawValue>,
    #[serde(borrow, default)]
    va: Option<&'a RawValue>,
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    transaction_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    transfer_type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    amount_in: Option<&'a RawValue>,
    #[serde(borrow, default)]
    amount_out: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reference_number: Option<&'a RawValue>,
}

impl Listed<'_> {
    fn is_one(&self) -> bool {
        self.account_number.is_some() || self.amount_in.is_some() || self.amount_out.is_some()
    }

    fn told(&self) -> Result<Told, NotUnderstood> {
        let account = Field("account_number", self.account_number).digits()?;
        let (direction, dong) = self.moved()?;
        let reference = Field("reference_number", self.reference_number).text()?;
        let date = Field("transaction_date", self.transaction_date);
        let virtual_account = Field("va", self.va).text()?;
        Ok(Told {
            account,
            direction,
            dong,
            reference: reference.unwrap_or_default(),
            booked: date.wall_clock()?,
            sub_account: match virtual_account {
                Some(number) => Some(number),
                None => Field("sub_account", self.sub_account).text()?,
            },
            memos: [
                Field("transaction_content", self.transaction_content).text()?,
                Field("code", self.code).text()?,
                None,
            ],
        })
    }

    /// v2 says which way; in v1 it is the amount that is not zero.
    fn moved(&self) -> Result<(Direction, i64), NotUnderstood> {
        let came = Field("amount_in", self.amount_in);
        let went = Field("amount_out", self.amount_out);
        if self.transfer_type.is_some() {
            return match Field("transfer_type", self.transfer_type).direction()? {
                Direction::In => Ok((Direction::In, came.dong()?)),
                Direction::Out => Ok((Direction::Out, went.dong()?)),
            };
        }
        match (came.dong_or_none()?, went.dong_or_none()?) {
            (came, 0) if came > 0 => Ok((Direction::In, came)),
            (0, went) if went > 0 => Ok((Direction::Out, went)),
            _ => Err(fault(
                "amount_in",
                "and amount_out do not say which way the money went",
            )),
        }
    }
}

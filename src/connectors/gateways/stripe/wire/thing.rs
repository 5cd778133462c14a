//! One JSON object and the name to call it by in a sentence. Absent and null are the same, but for
//! [`Thing::lacks`].

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::connectors::gateways::NotUnderstood;
use crate::money::{Currency, Money};

/// More than any card pays: a fault of the sender, not money.
const MOST_MINOR: i64 = 1_000_000_000_000;
const LONGEST_ID: usize = 255;
/// Of a word that is repeated in a sentence.
const LONGEST_WORD: usize = 40;

/// An object of Stripe's.
pub(in super::super) struct Thing<'a> {
    name: &'static str,
    fields: Option<&'a Map<String, Value>>,
}

impl<'a> Thing<'a> {
    /// What is no object has no fields.
    pub fn new(name: &'static str, value: &'a Value) -> Self {
        Self {
            name,
            fields: value.as_object(),
        }
    }

    /// A sentence about one of its fields.
    pub fn fault(&self, field: &str, what: &str) -> NotUnderstood {
        NotUnderstood(format!("{}.{field} {what}", self.name))
    }

    /// The field is not there at all.
    pub fn lacks(&self, field: &str) -> bool {
        self.fields.is_none_or(|fields| !fields.contains_key(field))
    }

    fn get(&self, field: &str) -> Option<&'a Value> {
        self.fields?.get(field).filter(|value| !value.is_null())
    }

    /// A short text. PostgreSQL stores no NUL, so one with it is no word.
    pub fn word(&self, field: &str) -> Result<Option<&'a str>, NotUnderstood> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) if text.contains('\0') => {
                Err(self.fault(field, "has a NUL in it"))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.fault(field, "is not text")),
        }
    }

    /// True, false, or not said.
    pub fn flag(&self, field: &str) -> Option<bool> {
        self.get(field).and_then(Value::as_bool)
    }

    /// An id.
    pub fn must_id(&self, field: &str) -> Result<&'a str, NotUnderstood> {
        let id = self.word(field)?;
        self.sound(field, id.ok_or_else(|| self.fault(field, "is missing"))?)
    }

    /// Another object: its id, or itself.
    pub fn link(&self, field: &str) -> Result<Option<&'a str>, NotUnderstood> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(id)) => self.sound(field, id).map(Some),
            Some(Value::Object(fields)) => {
                let id = fields.get("id").and_then(Value::as_str);
                let id = id.ok_or_else(|| self.fault(field, "has no id"))?;
                self.sound(field, id).map(Some)
            }
            Some(_) => Err(self.fault(field, "is neither an id nor an object")),
        }
    }

    fn sound(&self, field: &str, id: &'a str) -> Result<&'a str, NotUnderstood> {
        let is_id =
            (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_graphic());
        is_id
            .then_some(id)
            .ok_or_else(|| self.fault(field, "is not an id"))
    }

    /// The object in a field that must have one, called after the field.
    pub fn inner(&self, field: &'static str) -> Result<Thing<'a>, NotUnderstood> {
        self.inner_as(field, field)
    }

    /// The same, called otherwise.
    pub fn inner_as(&self, field: &str, name: &'static str) -> Result<Thing<'a>, NotUnderstood> {
        self.whole(field, name)
            .ok_or_else(|| self.fault(field, "is missing or no object"))
    }

    /// The object in a field, where there is a whole one.
    pub fn whole(&self, field: &str, name: &'static str) -> Option<Thing<'a>> {
        let value = self.get(field).filter(|value| value.is_object())?;
        Some(Thing::new(name, value))
    }

    /// What a list object holds; none where there is no list.
    pub fn listed(&self, field: &str, name: &'static str) -> Result<Vec<Thing<'a>>, NotUnderstood> {
        let Some(list) = self.whole(field, "list") else {
            return Ok(Vec::new());
        };
        match list.get("data") {
            None => Ok(Vec::new()),
            Some(Value::Array(rows)) => Ok(rows.iter().map(|row| Thing::new(name, row)).collect()),
            Some(_) => Err(self.fault(field, "is no list")),
        }
    }

    /// What the maker of the object wrote beside it.
    pub fn metadata(&self, key: &str) -> Result<Option<&'a str>, NotUnderstood> {
        match self.whole("metadata", "metadata") {
            Some(metadata) => metadata.word(key),
            None => Ok(None),
        }
    }

    /// An amount in `currency`, in its minor units: Stripe counts VND, which has none, in dong.
    pub fn money(&self, field: &str) -> Result<Money, NotUnderstood> {
        let value = self
            .get(field)
            .ok_or_else(|| self.fault(field, "is missing"))?;
        let minor = value
            .as_i64()
            .ok_or_else(|| self.fault(field, "is not a whole number"))?;
        if !(0..=MOST_MINOR).contains(&minor) {
            return Err(self.fault(field, "is negative or absurdly large"));
        }
        Ok(Money {
            minor,
            currency: self.currency()?,
        })
    }

    fn currency(&self) -> Result<Currency, NotUnderstood> {
        let code = self.word("currency")?;
        let code = code.ok_or_else(|| self.fault("currency", "is missing"))?;
        Currency::parse(&code.to_ascii_uppercase()).ok_or_else(|| {
            let code: String = code.chars().take(LONGEST_WORD).collect();
            self.fault(
                "currency",
                &format!("is {code:?}, and only VND and USD can be booked"),
            )
        })
    }

    /// A moment in Unix seconds.
    pub fn moment(&self, field: &str) -> Result<Option<Timestamp>, NotUnderstood> {
        let Some(value) = self.get(field) else {
            return Ok(None);
        };
        let millis = value.as_i64().and_then(|seconds| seconds.checked_mul(1000));
        let millis = millis.ok_or_else(|| self.fault(field, "is not a time in seconds"))?;
        Ok(Some(Timestamp(millis)))
    }
}

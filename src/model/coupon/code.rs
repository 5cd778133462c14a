//! What a buyer types to get a coupon's price.

use std::fmt;

use crate::db::{Arg, FromArg};

/// 3 to 32 of A-Z, 0-9, `-` and `_`; typed in any case, kept in capitals.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct CouponCode(String);

impl CouponCode {
    /// A code as a person types it: any case, blanks around it. `None`: no coupon can be called so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let sound = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        ((3..=32).contains(&text.len()) && text.bytes().all(sound))
            .then(|| Self(text.to_ascii_uppercase()))
    }

    /// The code, in capitals.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CouponCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&CouponCode> for Arg {
    fn from(code: &CouponCode) -> Self {
        Self::Text(code.0.clone())
    }
}

impl FromArg for CouponCode {
    fn from_arg(value: &Arg) -> anyhow::Result<Self> {
        String::from_arg(value).map(Self)
    }
}

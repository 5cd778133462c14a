//! Order codes: what the buyer writes in the transfer's memo, and how it is found again in what
//! the banks make of it. A code is a prefix of 2 to 5 letters and 8 characters of
//! [`UNAMBIGUOUS`], the last of them a check character over all the others.
//!
//! One run of 8 characters in 31 passes the check by chance, so what [`find_codes`] returns are
//! *candidates*: the caller looks each up, and only an order that exists counts. None is fuzzy: what
//! comes near a code ([`is_near`]) is for suggestions only.

use std::fmt;

use crate::db::{Arg, FromArg};
use crate::id::{Mint, UNAMBIGUOUS};

mod near;
mod squeezed;

pub use near::{Texts, is_near};

use squeezed::{Fit, Squeezed};

/// An order code with a right check character, in capitals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct OrderCode(String);

/// Characters after the prefix.
const BODY: usize = 8;

/// Candidates that one transfer may yield.
const MOST_CODES: usize = 5;

/// Memos of one transfer that are looked at; gateways send three.
const MOST_MEMOS: usize = 8;

impl OrderCode {
    /// A new random code. `prefix` has passed [`check_prefix`].
    #[must_use]
    pub fn mint(prefix: &str, mint: &Mint) -> Self {
        let mut text = format!("{prefix}{}", mint.letters(BODY - 1));
        // A counts as 0: what is missing to a whole sum is the value of the right character.
        let open = checksum(format!("{text}A").as_bytes());
        text.push(char::from(UNAMBIGUOUS[(MODULUS - open) % MODULUS]));
        Self(text)
    }

    /// A code as a person or an address bar writes it: any case, blanks around it, nothing else.
    #[must_use]
    pub fn parse(text: &str, prefix: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let body = text.strip_prefix(&prefix.to_ascii_uppercase())?;
        (body.len() == BODY).then(|| Self::whole(&text)).flatten()
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A code under whatever prefix it was minted with: the prefix is a setting and may have changed.
    fn whole(text: &str) -> Option<Self> {
        let (prefix, body) = text.split_at_checked(text.len().checked_sub(BODY)?)?;
        let sound = is_prefix(prefix)
            && body.bytes().all(|c| UNAMBIGUOUS.contains(&c))
            && checksum(text.as_bytes()) == 0;
        sound.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for OrderCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&OrderCode> for Arg {
    fn from(code: &OrderCode) -> Self {
        Self::Text(code.0.clone())
    }
}

impl FromArg for OrderCode {
    fn from_arg(value: &Arg) -> anyhow::Result<Self> {
        let text = String::from_arg(value)?;
        Self::whole(&text).ok_or_else(|| anyhow::anyhow!("{text:?} is not an order code"))
    }
}

/// Words that stand in memos anyway: a prefix like one of them would find codes in bank references.
const BANK_WORDS: &[&str] = &[
    "ACB", "ACSP", "BIDV", "BVB", "CK", "CKN", "CT", "FT", "GD", "HDB", "IBFT", "MB", "MBCT",
    "MBVCB", "MOMO", "MSB", "NAPAS", "ND", "NHNN", "NT", "OCB", "OQCH", "QR", "SCB", "SDT",
    "SEPAY", "SHB", "STK", "TBQ", "TCB", "TK", "TKP", "TPB", "TRACE", "TT", "VCB", "VIB", "VN",
    "VND", "VNPAY", "VPB", "ZALO",
];

/// May orders be named with this prefix? The sentence says why not.
pub fn check_prefix(prefix: &str) -> Result<(), &'static str> {
    if !is_prefix(prefix) {
        return Err("must be 2 to 5 capital letters, A to Z");
    }
    if BANK_WORDS.contains(&prefix) {
        return Err("is a word that banks and wallets write into memos themselves");
    }
    Ok(())
}

fn is_prefix(text: &str) -> bool {
    (2..=5).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_uppercase())
}

/// 31 is prime, so with weights that differ and none a multiple of it, one wrong character and
/// two exchanged ones, neighbours or not, always show.
const MODULUS: usize = UNAMBIGUOUS.len();

/// The weighted sum of a code: 0 when the check character, whose weight is 1, is right.
fn checksum(code: &[u8]) -> usize {
    let weighted = code
        .iter()
        .rev()
        .zip(1..)
        .map(|(c, weight)| weight * value(*c));
    weighted.sum::<usize>() % MODULUS
}

/// Distinct among all the characters that one place of a code can hold: only prefixes hold I, L
/// and O, and they hold no digits, whose values these three borrow.
fn value(character: u8) -> usize {
    let stand_in = match character {
        b'I' => b'7',
        b'L' => b'8',
        b'O' => b'9',
        other => other,
    };
    UNAMBIGUOUS.iter().position(|c| *c == stand_in).unwrap_or(0)
}

/// The codes that the memos of a transfer may hold: best first, each once, at most five.
///
/// `memos` come best first too: the gateway's own extraction, the memo, the raw notification.
/// Each is folded to ASCII capitals and squeezed to its letters and digits, so that separators
/// and line breaks in a code, in its prefix too, do not matter. Then every place where the prefix
/// begins is tried, whatever is glued to it on either side. An unbroken code goes before one with
/// separators inside, and one that stands alone before one that is glued to its neighbours.
///
/// # By chance
///
/// A run of letters that nobody meant as a code, across words, digits or a code that was meant, is
/// a candidate when it begins with the prefix and passes the check, and harms only when an order
/// has it. Codes are drawn from 31^7 (2.75e10). So with N orders stored, a run that passes meets
/// one of them with N / 31^7, and any eight characters behind a prefix with N / 31^8: of 100,000
/// orders, one in 8.5 million. A stored code across a stored one that stands alone is the same
/// coincidence: both are returned, the one that stands alone first, and the caller then has two
/// orders and leaves them to a person.
#[must_use]
pub fn find_codes<S: AsRef<str>>(memos: &[S], prefix: &str) -> Vec<OrderCode> {
    let prefix = prefix.to_ascii_uppercase();
    if !is_prefix(&prefix) {
        return Vec::new();
    }
    let mut found: Vec<(Fit, OrderCode)> = Vec::new();
    for memo in memos.iter().take(MOST_MEMOS) {
        let memo = Squeezed::new(memo.as_ref());
        for (fit, code) in memo.candidates(prefix.as_bytes()) {
            match found.iter_mut().find(|(_, known)| *known == code) {
                Some((best, _)) => *best = fit.min(*best),
                None => found.push((fit, code)),
            }
        }
    }
    // A stable sort: where the fit is the same, the order of the memos stays.
    found.sort_by_key(|(fit, _)| *fit);
    found.truncate(MOST_CODES);
    found.into_iter().map(|(_, code)| code).collect()
}

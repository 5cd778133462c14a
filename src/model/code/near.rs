//! Is an order's code in a memo but for one typing mistake? Only for suggestions to a person:
//! nothing is paid by what is found here.

use std::collections::HashSet;

use super::squeezed::Squeezed;
use super::{MOST_MEMOS, OrderCode};

/// The memos of one transfer, prepared once to be compared with the codes of many orders.
pub struct Texts {
    squeezed: Vec<Squeezed>,
    /// Every three neighbours in them.
    threes: HashSet<[u8; 3]>,
}

impl Texts {
    /// The memos that are looked at, the first eight.
    #[must_use]
    pub fn new(memos: &[impl AsRef<str>]) -> Self {
        let memos = memos.iter().take(MOST_MEMOS);
        let squeezed: Vec<Squeezed> = memos.map(|memo| Squeezed::new(memo.as_ref())).collect();
        let threes = squeezed.iter().flat_map(|text| text.letters.windows(3));
        let threes = threes.filter_map(|three| three.try_into().ok()).collect();
        Self { squeezed, threes }
    }

    /// Do these letters and digits, in ASCII capitals, stand in one of them, whatever separates them?
    #[must_use]
    pub fn holds(&self, letters: &str) -> bool {
        self.squeezed
            .iter()
            .any(|text| compare(&text.letters, letters.as_bytes()) == Likeness::Equal)
    }

    /// Is one of them one edit away from the code, and none equal to it? An edit is a character
    /// wrong, missing or too many, or two neighbours exchanged.
    #[must_use]
    pub fn is_near(&self, code: &OrderCode) -> bool {
        let code = code.as_str().as_bytes();
        let likeness = self
            .squeezed
            .iter()
            .map(|text| compare(&text.letters, code));
        self.has_a_third_of(code) && likeness.max() == Some(Likeness::Near)
    }

    /// One edit touches at most two thirds of a code, which has ten characters or more: most orders
    /// are ruled out by three look-ups.
    fn has_a_third_of(&self, code: &[u8]) -> bool {
        let thirds = code.chunks_exact(code.len() / 3).take(3);
        thirds
            .filter_map(|third| third.first_chunk())
            .any(|three| self.threes.contains(three))
    }
}

/// [`Texts::is_near`] for a single code.
#[must_use]
pub fn is_near(memos: &[impl AsRef<str>], code: &OrderCode) -> bool {
    Texts::new(memos).is_near(code)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    None,
    Near,
    Equal,
}

/// The closest that any place of the text comes to the code.
fn compare(text: &[u8], code: &[u8]) -> Likeness {
    let mut closest = Likeness::None;
    for start in 0..text.len() {
        closest = closest.max(at(&text[start..], code));
        if closest == Likeness::Equal {
            break;
        }
    }
    closest
}

/// One edit leaves everything before it and everything behind it as it was.
fn at(text: &[u8], code: &[u8]) -> Likeness {
    let same = text.iter().zip(code).take_while(|(a, b)| a == b).count();
    let (text, code) = (&text[same..], &code[same..]);
    let [_, rest @ ..] = code else {
        return Likeness::Equal;
    };
    let wrong = text.get(1..).is_some_and(|text| text.starts_with(rest));
    let missing = text.starts_with(rest);
    let too_many = text.get(1..).is_some_and(|text| text.starts_with(code));
    if wrong || missing || too_many || exchanged(text, code) {
        Likeness::Near
    } else {
        Likeness::None
    }
}

fn exchanged(text: &[u8], code: &[u8]) -> bool {
    match (text, code) {
        ([b, a, text @ ..], [first, second, code @ ..]) => {
            a == first && b == second && text.starts_with(code)
        }
        _ => false,
    }
}

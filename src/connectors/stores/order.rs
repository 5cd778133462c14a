//! The order of file names as people count: numbers by value, letters without case and tone marks.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What one path is compared by; the path itself settles what is otherwise equal.
pub(super) type Key = (Vec<Piece>, String);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    /// Before everything, so that a folder's files stay together.
    Slash,
    /// Digits without leading zeros; a longer number is a larger one.
    Number(usize, String),
    Letter(char),
}

pub(super) fn key(path: &str) -> Key {
    let mut pieces = Vec::new();
    for letter in folded(path) {
        match (letter, pieces.last_mut()) {
            ('/', _) => pieces.push(Piece::Slash),
            ('0'..='9', Some(Piece::Number(length, digits))) => {
                if digits == "0" {
                    digits.clear();
                }
                digits.push(letter);
                *length = digits.len();
            }
            ('0'..='9', _) => pieces.push(Piece::Number(1, letter.to_string())),
            _ => pieces.push(Piece::Letter(letter)),
        }
    }
    (pieces, path.to_owned())
}

fn folded(path: &str) -> impl Iterator<Item = char> {
    path.nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'đ' { 'd' } else { c })
}

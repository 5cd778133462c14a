//! A memo reduced to its letters and digits, and how a candidate for a code sits in it.

use super::{BODY, OrderCode};
use crate::ascii;

/// Characters of one memo that are looked at; banks allow about 210.
const MOST_CHARACTERS: usize = 1000;

/// A memo without what is not a letter or a digit.
pub(super) struct Squeezed {
    /// ASCII, in capitals.
    pub(super) letters: Vec<u8>,
    /// At `i`: something was dropped right before letter `i`, or a memo begins or ends there.
    edges: Vec<bool>,
}

impl Squeezed {
    pub(super) fn new(memo: &str) -> Self {
        let room = memo.len().min(MOST_CHARACTERS);
        let mut letters = Vec::with_capacity(room);
        let mut edges = Vec::with_capacity(room + 1);
        let mut edge = true;
        for character in memo.chars().take(MOST_CHARACTERS) {
            ascii::fold(character, |plain| {
                if plain.is_ascii_alphanumeric() {
                    letters.push(plain.to_ascii_uppercase() as u8);
                    edges.push(std::mem::take(&mut edge));
                } else {
                    edge = true;
                }
            });
        }
        edges.push(true);
        Self { letters, edges }
    }

    /// Every place where a sound code stands.
    pub(super) fn candidates(&self, prefix: &[u8]) -> impl Iterator<Item = (Fit, OrderCode)> {
        let length = prefix.len() + BODY;
        let windows = self.letters.windows(length).enumerate();
        windows.filter_map(move |(start, window)| {
            if !window.starts_with(prefix) {
                return None;
            }
            let code = OrderCode::whole(std::str::from_utf8(window).ok()?)?;
            let (end, fit) = (start + length, self.fit(start, start + length));
            (!self.borrows(start, end, fit)).then_some((fit, code))
        })
    }

    /// Is the first or the last character alone cut off from the others, and part of another word?
    /// With a code that lost its last character, `..9QX CHUYEN TIEN` makes a whole one about once
    /// in 31 times. In one that is spaced throughout every character is cut off, and none tells.
    fn borrows(&self, start: usize, end: usize, fit: Fit) -> bool {
        let first = self.edges[start + 1] && !self.edges[start];
        let last = self.edges[end - 1] && !self.edges[end];
        fit.breaks == 1 && (first || last)
    }

    fn fit(&self, start: usize, end: usize) -> Fit {
        let breaks = self.edges[start + 1..end].iter().filter(|e| **e).count();
        Fit {
            broken: breaks > 0,
            glued_sides: [start, end].iter().filter(|at| !self.edges[**at]).count(),
            breaks,
        }
    }
}

/// How a candidate sits in its memo; the smaller the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fit {
    broken: bool,
    glued_sides: usize,
    breaks: usize,
}

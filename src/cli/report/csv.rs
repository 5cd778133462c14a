//! Comma-separated values after RFC 4180, safe to open in a spreadsheet: a text from outside that
//! begins like a formula gets an apostrophe before it, numbers are numbers.

use crate::money::Currency;

/// How the file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Plain,
    /// UTF-8 with the mark that Excel needs to see that it is.
    Marked,
}

/// One cell, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell(String);

impl Cell {
    /// A text, made harmless.
    #[must_use]
    pub fn text(text: &str) -> Self {
        let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
            format!("'{text}")
        } else {
            text.to_owned()
        };
        Self(quoted(text))
    }

    /// A number.
    #[must_use]
    pub fn whole(number: i64) -> Self {
        Self(number.to_string())
    }

    /// Minor units as a plain decimal number; without a known currency they stay minor units.
    #[must_use]
    pub fn amount(minor: i64, currency: Option<Currency>) -> Self {
        let digits = currency.map_or(0, Currency::exponent) as usize;
        if digits == 0 {
            return Self::whole(minor);
        }
        let sign = if minor < 0 { "-" } else { "" };
        let padded = format!("{:0>width$}", minor.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = padded.split_at(padded.len() - digits);
        Self(format!("{sign}{whole}.{fraction}"))
    }
}

/// A whole file.
#[must_use]
pub fn write(header: &[&str], rows: &[Vec<Cell>], encoding: Encoding) -> String {
    let mut text = match encoding {
        Encoding::Plain => String::new(),
        Encoding::Marked => "\u{feff}".to_owned(),
    };
    text.push_str(&header.join(","));
    text.push_str("\r\n");
    for row in rows {
        let cells: Vec<&str> = row.iter().map(|cell| cell.0.as_str()).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn quoted(text: String) -> String {
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

//! VietQR: the QR code that a Vietnamese banking app reads to fill in a transfer (the EMVCo
//! merchant-presented format with NAPAS' template 38), made and drawn here, no third party.
//! Whether the payer kept what the QR filled in is another matter: see the transfer's memo.

use std::fmt::Write;
use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Luma};
use qrcode::{Color, EcLevel, QrCode};

use super::bank;
use crate::ascii;
use crate::config::BankAccount;

/// What the payer's app is to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// The receiving bank's BIN, six digits.
    pub bin: String,
    /// Account, virtual account or card: up to 19 letters and digits.
    pub account: String,
    /// What `account` is.
    pub service: Service,
    /// Dong; `None` leaves the amount to the payer.
    pub amount: Option<i64>,
    /// The shop's bill number, which no bank shows in the memo. Bursar sends none.
    pub bill: Option<String>,
    /// The transfer's memo.
    pub memo: Option<String>,
}

/// What the transfer goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// A bank account.
    ToAccount,
    /// A card.
    ToCard,
}

impl Service {
    fn code(self) -> &'static str {
        match self {
            Self::ToAccount => "QRIBFTTA",
            Self::ToCard => "QRIBFTTC",
        }
    }
}

/// Why there can be no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The bank is neither a BIN nor a known name.
    #[error(
        "the bank must be a known short name, such as Vietcombank, or its six-digit NAPAS number"
    )]
    Bank,
    /// The account is empty, too long, or has other characters.
    #[error("an account number is 1 to 19 letters and digits")]
    Account,
    /// The amount is zero, negative, or has more than 13 digits.
    #[error("an amount is 1 to 9999999999999 dong")]
    Amount,
    /// The memo or bill number is too long.
    #[error("a memo is at most 25 characters in plain ASCII")]
    Memo,
}

/// Why a payload cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It was damaged or typed over.
    #[error("the checksum is wrong")]
    Checksum,
    /// It is no VietQR transfer; the word says which part is missing or wrong.
    #[error("not a VietQR payload: {0}")]
    Shape(&'static str),
}

const GUID: &str = "A000000727";
const MOST_DONG: i64 = 9_999_999_999_999;

/// The payload that pays `dong` with `memo` into one of the seller's accounts.
pub fn pay_into(account: &BankAccount, dong: i64, memo: &str) -> Result<String, Unfit> {
    payload(&Instruction {
        bin: bank::find(&account.bank).ok_or(Unfit::Bank)?.bin,
        account: account.number.clone(),
        service: Service::ToAccount,
        amount: Some(dong),
        bill: None,
        memo: Some(memo.to_owned()),
    })
}

/// The text inside the QR code. The memo is folded to plain ASCII first.
pub fn payload(instruction: &Instruction) -> Result<String, Unfit> {
    let Instruction { bin, account, .. } = instruction;
    if bin.len() != 6 || !bin.bytes().all(|c| c.is_ascii_digit()) {
        return Err(Unfit::Bank);
    }
    if !(1..=19).contains(&account.len()) || !account.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return Err(Unfit::Account);
    }
    if instruction
        .amount
        .is_some_and(|dong| !(1..=MOST_DONG).contains(&dong))
    {
        return Err(Unfit::Amount);
    }
    let receiver = field("00", bin) + &field("01", account);
    let template =
        field("00", GUID) + &field("01", &receiver) + &field("02", instruction.service.code());
    let initiation = if instruction.amount.is_some() {
        "12"
    } else {
        "11"
    };
    let mut text = field("00", "01")
        + &field("01", initiation)
        + &field("38", &template)
        + &field("53", "704");
    if let Some(dong) = instruction.amount {
        text += &field("54", &dong.to_string());
    }
    text += &field("58", "VN");
    let purpose = short_text("01", instruction.bill.as_deref())?
        + &short_text("08", instruction.memo.as_deref())?;
    if !purpose.is_empty() {
        text += &field("62", &purpose);
    }
    text += "6304";
    let crc = crc16(text.as_bytes());
    Ok(text + &format!("{crc:04X}"))
}

fn field(tag: &str, value: &str) -> String {
    format!("{tag}{:02}{value}", value.len())
}

fn short_text(tag: &str, text: Option<&str>) -> Result<String, Unfit> {
    let plain = plain_words(text.unwrap_or_default());
    match plain.len() {
        0 => Ok(String::new()),
        1..=25 => Ok(field(tag, &plain)),
        _ => Err(Unfit::Memo),
    }
}

fn plain_words(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        ascii::fold(character, |c| plain.push(c));
    }
    let words: Vec<&str> = plain
        .split(|c: char| !c.is_ascii_graphic())
        .filter(|w| !w.is_empty())
        .collect();
    words.join(" ")
}

/// CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, nothing reflected.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            }
        })
    })
}

/// Read a payload back: checksum, structure, and that it asks for a NAPAS transfer in dong.
/// Fields that Bursar does not use are skipped.
pub fn parse(payload: &str) -> Result<Instruction, Unreadable> {
    let body = checked(payload)?;
    let top = Fields::read(body)?;
    top.must("00", "01", "version")?;
    top.must("53", "704", "currency")?;
    top.must("58", "VN", "country")?;
    let template = Fields::read(
        top.get("38")
            .ok_or(Unreadable::Shape("no transfer template"))?,
    )?;
    template.must("00", GUID, "template's owner")?;
    let receiver = Fields::read(template.get("01").ok_or(Unreadable::Shape("receiver"))?)?;
    let notes = Fields::read(top.get("62").unwrap_or_default())?;
    let amount = top.get("54").map(dong).transpose()?;
    Ok(Instruction {
        bin: receiver
            .get("00")
            .ok_or(Unreadable::Shape("BIN"))?
            .to_owned(),
        account: receiver
            .get("01")
            .ok_or(Unreadable::Shape("account"))?
            .to_owned(),
        service: service(template.get("02"))?,
        amount,
        bill: notes.get("01").map(str::to_owned),
        memo: notes.get("08").map(str::to_owned),
    })
}

fn checked(payload: &str) -> Result<&str, Unreadable> {
    let not_ascii = Unreadable::Shape("characters outside ASCII");
    let end = payload
        .len()
        .checked_sub(8)
        .filter(|_| payload.is_ascii())
        .ok_or(not_ascii)?;
    let (body, tail) = payload.split_at(end);
    let crc = crc16(&payload.as_bytes()[..end + 4]);
    if tail != format!("6304{crc:04X}") {
        return Err(Unreadable::Checksum);
    }
    Ok(body)
}

fn dong(text: &str) -> Result<i64, Unreadable> {
    let digits = text.bytes().all(|c| c.is_ascii_digit());
    let amount = text
        .parse()
        .ok()
        .filter(|dong| digits && (1..=MOST_DONG).contains(dong));
    amount.ok_or(Unreadable::Shape("amount"))
}

fn service(code: Option<&str>) -> Result<Service, Unreadable> {
    let known = [Service::ToAccount, Service::ToCard];
    let found = known.into_iter().find(|s| Some(s.code()) == code);
    found.ok_or(Unreadable::Shape("service"))
}

/// Tag, two digits of length, value; again and again.
struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    fn read(mut text: &'a str) -> Result<Self, Unreadable> {
        let mut fields = Vec::new();
        while !text.is_empty() {
            let (field, rest) = split_field(text).ok_or(Unreadable::Shape("a field's length"))?;
            fields.push(field);
            text = rest;
        }
        Ok(Self(fields))
    }

    fn get(&self, tag: &str) -> Option<&'a str> {
        let field = self.0.iter().find(|(known, _)| *known == tag);
        field.map(|(_, value)| *value)
    }

    fn must(&self, tag: &str, value: &str, what: &'static str) -> Result<(), Unreadable> {
        let right = self.get(tag) == Some(value);
        right.then_some(()).ok_or(Unreadable::Shape(what))
    }
}

type Field<'a> = (&'a str, &'a str);

fn split_field(text: &str) -> Option<(Field<'_>, &str)> {
    let (tag, text) = text.split_at_checked(2)?;
    let (length, text) = text.split_at_checked(2)?;
    let (value, rest) = text.split_at_checked(length.parse().ok()?)?;
    Some(((tag, value), rest))
}

/// Modules of white that a reader needs around the code.
const QUIET_ZONE: usize = 4;
/// Pixels of a module's side: on a phone's screen, and saved as a picture.
const MODULE_PIXELS: u32 = 10;

/// The QR code as an SVG element of one path: fit to stand in a page or as a file of its own.
pub fn svg(payload: &str) -> anyhow::Result<String> {
    let code = QrCode::with_error_correction_level(payload, EcLevel::M)?;
    let mut dark = String::new();
    for (row, modules) in code.to_colors().chunks(code.width()).enumerate() {
        let mut column = QUIET_ZONE;
        for run in modules.chunk_by(|a, b| a == b) {
            let length = run.len();
            if run[0] == Color::Dark {
                write!(dark, "M{column} {}h{length}v1h-{length}z", row + QUIET_ZONE)?;
            }
            column += length;
        }
    }
    let side = code.width() + 2 * QUIET_ZONE;
    let pixels = side * MODULE_PIXELS as usize;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
         width=\"{pixels}\" height=\"{pixels}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{dark}\"/></svg>"
    ))
}

/// The QR code as a PNG picture.
pub fn png(payload: &str) -> anyhow::Result<Vec<u8>> {
    let code = QrCode::with_error_correction_level(payload, EcLevel::M)?;
    let picture = code
        .render::<Luma<u8>>()
        .quiet_zone(true)
        .module_dimensions(MODULE_PIXELS, MODULE_PIXELS)
        .build();
    let mut file = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(picture).write_to(&mut file, ImageFormat::Png)?;
    Ok(file.into_inner())
}

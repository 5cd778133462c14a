//! A letter as a MIME message. What buyers wrote (names, addresses) ends here in headers, so nothing
//! that could begin a new header line gets through.

use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, MultiPartKind, SinglePart};
use lettre::{Address, address::Envelope};
use sha2::{Digest, Sha256};

use super::{Letter, MailFault};

/// The message; the same letter gives the same bytes.
pub(super) fn compose(from: &Mailbox, letter: &Letter) -> Result<Message, MailFault> {
    let to: Address = letter.to.parse().map_err(|_| MailFault::Refused {
        why: "the buyer's address is not an e-mail address".to_owned(),
    })?;
    let envelope = Envelope::new(Some(from.email.clone()), vec![to.clone()]).map_err(broken)?;
    let name = one_line(&letter.to_name);
    let mut builder = Message::builder()
        .envelope(envelope)
        .from(from.clone())
        .to(Mailbox::new((!name.is_empty()).then_some(name), to))
        .subject(one_line(&letter.subject))
        .message_id(Some(graphic(&letter.message_id)))
        .date(system_time(letter))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    if let Some(reply_to) = &letter.reply_to {
        builder = builder.reply_to(reply_to.parse::<Mailbox>().map_err(broken)?);
    }
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(boundary(&letter.message_id))
        .singlepart(SinglePart::plain(letter.text.clone()))
        .singlepart(SinglePart::html(letter.html.clone()));
    builder.multipart(parts).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> MailFault {
    MailFault::Broken {
        why: format!("the letter could not be put together: {error}"),
    }
}

/// Control characters become spaces: a line break in a name must not begin a header.
fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn graphic(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).collect()
}

fn system_time(letter: &Letter) -> SystemTime {
    let millis = u64::try_from(letter.date.0).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

/// Not by chance, so that a repeat is the same message byte for byte.
fn boundary(message_id: &str) -> String {
    hex::encode(&Sha256::digest(message_id)[..20])
}

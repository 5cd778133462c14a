//! What an answer that is not the hoped-for one means. Every write is repeated whole and read back,
//! so a lost answer is no riddle here: the next attempt settles it.

use crate::connectors::Fault;
use crate::connectors::http::{Answer, Lost};

/// No whole answer came.
pub(super) fn lost(why: Lost, doing: &str) -> Fault {
    match why {
        Lost::Unproven(why) => Fault::ConnectionBroken {
            why: format!("No secure connection to the WebDAV server could be made: {why}."),
        },
        Lost::Oversized(limit) => Fault::ConnectionBroken {
            why: format!("The answer of the WebDAV server is longer than {limit} bytes."),
        },
        Lost::Unreached(why) => Fault::Transient {
            why: format!("The WebDAV server could not be reached: {why}."),
            after: None,
        },
        Lost::Unanswered(why) => Fault::Transient {
            why: format!("The WebDAV server broke off while {doing}: {why}."),
            after: None,
        },
    }
}

/// An answer came, and it is a refusal to `deed`.
pub(super) fn refused(answer: &Answer, deed: &str) -> Fault {
    let status = answer.status;
    let broken = match status {
        401 => "The WebDAV server does not accept this user and password (only Basic is spoken)."
            .to_owned(),
        403 => format!("The WebDAV server does not let this user {deed}."),
        405 | 501 => {
            format!("This server will not {deed}: WebDAV is not switched on at this address.")
        }
        413 => "The server takes no file as large as this one.".to_owned(),
        507 => "The WebDAV server has no room left.".to_owned(),
        300..=399 => format!(
            "The server points to {} instead of answering: use that address.",
            answer.redirects_to()
        ),
        _ => {
            return Fault::Transient {
                why: format!("The WebDAV server would not {deed} now (status {status})."),
                after: answer.retry_after,
            };
        }
    };
    Fault::ConnectionBroken { why: broken }
}

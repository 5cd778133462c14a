//! What an answer of Google's means. Its reasons count, not its status alone and never its text, except
//! where one reason stands for several things (`invalidSharingRequest`).
//! Source of the reasons: developers.google.com/workspace/drive/api/guides/handle-errors.

use std::time::Duration;

use super::wire::{ErrorBody, TokenError};
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Answer, Lost};
use crate::connectors::quote::quote;

/// Google documents a pause of up to about a minute for calls that come too fast.
const CALLS: Duration = Duration::from_secs(30);
/// Nobody outside knows how long it lasts; hours, by report.
const SHARING: Duration = Duration::from_hours(1);
/// 750 GB in 24 hours, and then nothing until they are over. Asked again some times within them.
const VOLUME: Duration = Duration::from_hours(6);

/// Which of Google's speeds was too high.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Calls in a minute.
    Calls,
    /// Invitations.
    Sharing,
    /// Bytes, or calls, in a day.
    Volume,
}

/// Anything but success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// As of any connector.
    Fault(Fault),
    /// Too much for now; nobody's fault, and no sign of an outage.
    Paced {
        /// Of what.
        pace: Pace,
        /// The reason.
        why: String,
        /// Not before this is over.
        after: Duration,
    },
    /// There is nothing under this id, for us.
    Absent,
    /// The id is taken: it was done before.
    Exists,
    /// The folder or the drive takes no more of it.
    Full {
        /// The reason.
        why: String,
    },
    /// The address has no Google account; only an invitation by mail reaches it.
    NeedsMail,
    /// It was shared, and the mail about it could not be sent.
    MailFailed,
    /// Google ends nothing by itself here.
    NoExpiry,
}

impl Trouble {
    /// As a fault of a connector, for callers to whom its own cases mean nothing special.
    #[must_use]
    pub fn into_fault(self) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::Paced { why, after, .. } => Fault::Transient {
                why,
                after: Some(after),
            },
            Self::Absent => mapping(
                "Google Drive has nothing under an id that was there before: it \
                was removed, or our account may not see it any more.",
            ),
            Self::Exists => unknown("Google Drive has something else under this id already."),
            Self::Full { why } => Fault::MappingBroken { why },
            Self::NeedsMail => Fault::LearnerProblem {
                why:
                    "This address has no Google account, so a folder cannot be shared with it: the \
                      buyer must name one that has."
                        .to_owned(),
            },
            Self::MailFailed => unknown("Google shared the folder, but could not send its mail."),
            Self::NoExpiry => mapping("This Drive lets no access end by itself."),
        }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// There is no whole answer.
pub(super) fn lost(lost: Lost, aim: Aim) -> Trouble {
    let fault = match (lost, aim) {
        (Lost::Unreached(why), _) => transient(format!("Google could not be reached: {why}.")),
        (Lost::Unproven(why), _) => broken(format!(
            "No secure connection to Google could be made: {why}."
        )),
        (Lost::Unanswered(why), Aim::Read) => {
            transient(format!("Google gave no whole answer: {why}."))
        }
        (Lost::Unanswered(why), Aim::Write) => unknown(&format!(
            "Google was asked, but gave no whole answer: {why}."
        )),
        (Lost::Oversized(limit), _) => broken(format!(
            "Google's answer is longer than {limit} bytes: this is not its API."
        )),
    };
    Trouble::Fault(fault)
}

/// A success that says nothing we understand.
pub(super) fn unclear(aim: Aim) -> Trouble {
    let fault = match aim {
        Aim::Read => {
            broken("What answers is not Google Drive: it does not speak its JSON.".to_owned())
        }
        Aim::Write => unknown("Google was asked, but its answer cannot be understood."),
    };
    Trouble::Fault(fault)
}

/// The table.
pub(super) fn judge(answer: &Answer, aim: Aim, is_service_account: bool) -> Result<(), Trouble> {
    if (200..=299).contains(&answer.status) {
        return Ok(());
    }
    let body: ErrorBody = answer
        .json()
        .and_then(|json| serde_json::from_value(json).ok())
        .unwrap_or_default();
    let first = body.error.errors.first();
    let said = Said {
        status: answer.status,
        reason: first.map_or("", |first| first.reason.as_str()),
        message: &body.error.message,
        after: answer.retry_after,
    };
    Err(match said.status {
        401 => broken(
            "Google does not accept our token, also not a fresh one: connect this Drive again."
                .to_owned(),
        )
        .into(),
        404 if !answer.content_type.contains("json") => broken(
            "Google does not know this call: api_url is wrong, or something stands between."
                .to_owned(),
        )
        .into(),
        404 | 410 => Trouble::Absent,
        409 => Trouble::Exists,
        400 => said.of_a_bad_request(),
        403 => said.of_a_refusal(is_service_account),
        429 => said.paced(Pace::Calls),
        408 | 500..=599 => said.outage(aim),
        300..=399 => broken(format!(
            "Google's API redirects to {}: api_url is wrong.",
            answer.redirects_to()
        ))
        .into(),
        _ => mapping(&format!("Google refuses the call: {}.", said.words())).into(),
    })
}

struct Said<'a> {
    status: u16,
    reason: &'a str,
    message: &'a str,
    after: Option<Duration>,
}

impl Said<'_> {
    fn of_a_bad_request(&self) -> Trouble {
        let message = self.message.to_lowercase();
        match self.reason {
            "cannotSetExpiration" | "cannotSetExpirationOnInsert" => Trouble::NoExpiry,
            "failedPrecondition" => self.outage(Aim::Write),
            _ if message.contains("no google account") || message.contains("notify people") => {
                Trouble::NeedsMail
            }
            // handle-errors: "items were successfully shared but emails could not be sent".
            "invalidSharingRequest" if message.contains("successfully shared") => {
                Trouble::MailFailed
            }
            "invalidSharingRequest" => mapping(&format!(
                "Google does not let this folder be shared with this buyer: {}.",
                self.words()
            ))
            .into(),
            _ => mapping(&format!(
                "Google does not understand the call: {}.",
                self.words()
            ))
            .into(),
        }
    }

    fn of_a_refusal(&self, is_service_account: bool) -> Trouble {
        match self.reason {
            "rateLimitExceeded" | "userRateLimitExceeded" => self.paced(Pace::Calls),
            "sharingRateLimitExceeded" => self.paced(Pace::Sharing),
            "dailyLimitExceeded" | "quotaExceeded" | "uploadLimitExceeded"
            | "downloadQuotaExceeded" => self.paced(Pace::Volume),
            "backendError" | "internalError" => self.outage(Aim::Write),
            "storageQuotaExceeded" if is_service_account => broken(
                "A service account has no storage: set shared_drive to a shared drive on which it is \
                 Manager, or act_as to a user, or connect your own Drive instead."
                    .to_owned(),
            )
            .into(),
            "storageQuotaExceeded" | "teamDriveQuotaExceeded" => {
                broken("The Drive is full: make room there, or buy some.".to_owned()).into()
            }
            "teamDriveFileLimitExceeded"
            | "numChildrenInNonRootLimitExceeded"
            | "teamDriveHierarchyTooDeep"
            | "activeItemCreationLimitExceeded" => Trouble::Full {
                why: format!("The Drive takes no more there: {}.", self.words()),
            },
            "cannotSetExpiration" | "cannotSetExpirationOnInsert" => Trouble::NoExpiry,
            "accessNotConfigured" | "SERVICE_DISABLED" => broken(
                "The Google Drive API is not enabled in the Google Cloud project: enable it there."
                    .to_owned(),
            )
            .into(),
            "insufficientPermissions" | "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => broken(
                "The consent does not cover the Drive API: connect this Drive again, with its scope."
                    .to_owned(),
            )
            .into(),
            "insufficientFilePermissions" | "insufficientParentPermissions" => broken(format!(
                "Our account lacks a right on the Drive (Manager of the shared drive has it): {}.",
                self.words()
            ))
            .into(),
            _ => mapping(&format!("Google Drive refuses: {}.", self.words())).into(),
        }
    }

    fn paced(&self, pace: Pace) -> Trouble {
        let (what, usual) = match pace {
            Pace::Calls => ("Google asks us to slow down", CALLS),
            Pace::Sharing => (
                "Google takes no more invitations from this account for now",
                SHARING,
            ),
            Pace::Volume => ("The day's quota of this Google account is used up", VOLUME),
        };
        Trouble::Paced {
            pace,
            why: format!("{what}."),
            after: self.after.unwrap_or_default().max(usual),
        }
    }

    fn outage(&self, aim: Aim) -> Trouble {
        let what = format!("Google failed inside (status {})", self.status);
        let fault = match aim {
            Aim::Read => Fault::Transient {
                why: format!("{what}."),
                after: self.after,
            },
            Aim::Write => unknown(&format!("{what} after it was asked.")),
        };
        fault.into()
    }

    /// Google's reason and words, fit for the seller.
    fn words(&self) -> String {
        let words = quote(self.message, &[]);
        let words = words.trim_end_matches('.');
        match (self.reason, words) {
            ("", "") => format!("status {}, without a reason", self.status),
            ("", words) => words.to_owned(),
            (reason, "") => quote(reason, &[]),
            (reason, words) => format!("{words} ({})", quote(reason, &[])),
        }
    }
}

/// No token was given.
pub(super) fn said_by_token_server(answer: &Answer, is_service_account: bool) -> Trouble {
    let json = answer.json();
    let said: TokenError = json
        .and_then(|json| serde_json::from_value(json).ok())
        .unwrap_or_default();
    let fault = match (answer.status, said.error.as_str()) {
        (429 | 500..=599, _) => Fault::Transient {
            why: format!("Google gives no token now (status {}).", answer.status),
            after: answer.retry_after,
        },
        (_, "invalid_grant") if is_service_account => broken(
            "Google does not accept the service account's key: it was deleted, the account is \
             disabled, or this machine's clock is wrong."
                .to_owned(),
        ),
        (_, "invalid_grant") => broken(
            "Google does not accept the seller's consent any more: it was withdrawn, or given while \
             the app was in testing, which ends it after 7 days. Connect this Drive again."
                .to_owned(),
        ),
        (_, "unauthorized_client") if is_service_account => broken(
            "The Workspace does not let the service account act as this user: an admin must allow \
             its client id domain-wide delegation with the scope of Drive."
                .to_owned(),
        ),
        (_, "invalid_client" | "unauthorized_client") => {
            broken("Google does not know this OAuth client: client_id or client_secret is wrong.".to_owned())
        }
        _ => {
            let words = quote(&said.error_description, &[]);
            broken(format!("Google gives no token (status {}): {words}", answer.status))
        }
    };
    fault.into()
}

fn transient(why: String) -> Fault {
    Fault::Transient { why, after: None }
}

fn broken(why: String) -> Fault {
    Fault::ConnectionBroken { why }
}

fn mapping(why: &str) -> Fault {
    let why = why.to_owned();
    Fault::MappingBroken { why }
}

fn unknown(why: &str) -> Fault {
    let why = why.to_owned();
    Fault::Unknown { why }
}

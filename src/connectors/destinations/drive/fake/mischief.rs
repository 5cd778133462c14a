//! The ways in which the fake misbehaves when it is told to.

use std::collections::{HashMap, VecDeque};

use super::answers::{self, Canned};

/// What a request asks the fake for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Any of them; used when nothing is planned for the call itself.
    Any,
    /// A token.
    Token,
    /// Who we are.
    About,
    /// The shared drive.
    SharedDrive,
    /// Ids reserved.
    ReserveIds,
    /// A file or folder made, without content.
    Create,
    /// One file or folder, or its bytes.
    Get,
    /// Files, listed.
    List,
    /// A file copied.
    Copy,
    /// A file changed.
    Update,
    /// A file deleted.
    Delete,
    /// An upload begun.
    Open,
    /// A chunk.
    Chunk,
    /// How much arrived.
    Ask,
    /// A reader added.
    Share,
    /// Readers, listed.
    People,
    /// One reader.
    Person,
    /// A reader changed.
    Change,
    /// A reader taken away.
    Unshare,
    /// Anything else.
    Other,
}

impl Call {
    /// It changes who may read an item.
    pub(super) fn changes_people(self) -> bool {
        matches!(self, Self::Share | Self::Change | Self::Unshare)
    }
}

/// One way to misbehave on one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mischief {
    /// This status with this reason, and nothing is done.
    Refused(u16, &'static str),
    /// 400 `invalidSharingRequest` after it was done: no mail could be sent.
    MailFailed,
    /// 401.
    TokenGone,
    /// 429 with `Retry-After` in seconds.
    Throttled(u64),
    /// 503 before anything was done.
    Failure,
    /// 503 after it was done.
    FailureAfterwards,
    /// Of this chunk only so many bytes are kept.
    KeepsOnly(usize),
    /// The `Range` of this answer is lost on the way; what was sent is kept.
    LosesRange,
    /// The session is over: 404, and what it had is lost.
    SessionOver,
    /// The last byte of this chunk changes on the way.
    Spoils,
    /// The answer has no checksum yet.
    NoChecksum,
    /// 200 with a page of HTML.
    WebPage,
    /// Never answers and does nothing.
    Hang,
    /// Does it, then never answers.
    HangAfterwards,
    /// Does it, then breaks the connection in the middle of the answer.
    CutAnswer,
    /// Looks at the item's readers, waits until it is let go, and then writes what it saw, changed:
    /// whatever others wrote meanwhile is lost.
    Held,
}

impl Mischief {
    /// The answer given instead of doing anything, for those that do nothing.
    pub(super) fn instead(&self) -> Option<Canned> {
        Some(match self {
            Self::Refused(status, reason) => answers::refused(*status, reason, reason),
            Self::TokenGone => answers::no_token(),
            Self::Throttled(seconds) => {
                answers::refused(429, "rateLimitExceeded", "Rate Limit Exceeded")
                    .with("Retry-After", seconds.to_string())
            }
            Self::Failure => answers::failure(),
            Self::SessionOver => answers::absent("upload"),
            Self::WebPage => Canned::page(200, "<!doctype html><title>Welcome</title>"),
            _ => return None,
        })
    }
}

/// What is still to be done wrong.
#[derive(Debug, Default)]
pub(super) struct Plan(HashMap<Call, VecDeque<Mischief>>);

impl Plan {
    pub fn queue(&mut self, call: Call, ways: impl IntoIterator<Item = Mischief>) {
        self.0.entry(call).or_default().extend(ways);
    }

    /// For this request: what is queued for the call, or for any.
    pub fn next(&mut self, call: Call) -> Option<Mischief> {
        [call, Call::Any]
            .iter()
            .find_map(|call| self.0.get_mut(call)?.pop_front())
    }
}

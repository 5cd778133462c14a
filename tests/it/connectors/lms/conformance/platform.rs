//! What a platform must offer to be tried: a fake, or a real server with what it can be made to do.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use bursar::config::LmsConnection;
use bursar::connectors::lms::Learner;

/// One platform, made anew for every case. A fake begins empty but for its courses; a real server is
/// left as it was found.
#[async_trait]
pub trait Platform: Send + Sync {
    /// As `LmsConnection.kind` has it.
    fn kind(&self) -> &str;

    /// Settings that work; after [`Platform::misbehave`] those that meet the trouble (a wrong secret,
    /// a port where nobody listens). Asked for again for every connector that is made.
    fn connection(&self) -> LmsConnection;

    /// A course that can be enrolled in.
    fn course(&self) -> &str;

    /// Another.
    fn other_course(&self) -> &str;

    /// Of the form that this platform's ids have, and unknown there.
    #[expect(
        clippy::unnecessary_literal_bound,
        reason = "a platform may make up one of its own"
    )]
    fn unknown_course(&self) -> &str {
        "no-such-course-of-bursar"
    }

    /// Somebody who can be enrolled at once, under an address of their own: the same for the same
    /// name, another for every case. Whether an account is there already is up to the platform.
    fn learner(&self, name: &str) -> Learner;

    /// How long one call waits that will wait in vain.
    fn patience(&self) -> Duration {
        Duration::from_millis(300)
    }

    /// Arrange it, until [`Platform::behave`] unless the trouble says *once*; `learner` is the one it
    /// is about, [`Platform::course`] the course. Or say why it cannot be had here (a real server, a
    /// platform that knows no such thing): the case is then shown as skipped with that reason.
    async fn misbehave(&self, trouble: Trouble, learner: &Learner) -> Result<(), &'static str>;

    /// All trouble with calls is over. What was done to learners, courses and rows stays.
    async fn behave(&self);

    /// Enrolments as the platform itself counts them: rows of this learner and course that let the
    /// learner in, or invite. `None`: it cannot be known from outside.
    async fn count(&self, learner: &Learner, course: &str) -> Option<usize>;

    /// The end of the enrolment as the platform itself has it, in its own words. `None`: it knows no
    /// end, or it cannot be known from outside.
    async fn end_of(&self, learner: &Learner, course: &str) -> Option<String> {
        let _knows_no_end = (learner, course);
        None
    }

    /// Leave nothing behind; called after every case, whatever came of it. Answers what could not be
    /// removed, as sentences.
    async fn tidy(&self) -> Vec<String>;
}

/// What can go wrong. *The write* is the request that enrols, *the read* the one that looks for an
/// enrolment; a connector may send others before them, which work, unless it says *every call*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Once: the write is done, and its answer is cut off in the middle.
    AnswerLostAfterWrite,
    /// Once: the write is not done, and its answer is cut off in the middle.
    AnswerLostBeforeWrite,
    /// Once: the write is done and never answered.
    HangAfterWrite,
    /// Every call: not done, never answered.
    Hang,
    /// Every call: not done, the connection ends without a whole answer.
    CutConnection,
    /// Nobody listens.
    RefusedConnection,
    /// Every call: 429 (or the platform's own form of it), with `Retry-After` in seconds where given.
    Throttled(Option<u64>),
    /// Every call: the platform's answer while it is under maintenance.
    Maintenance,
    /// Every call: 200 with a page of HTML.
    HtmlInsteadOfJson,
    /// Every call: 200 with an error inside, where the platform does so.
    ErrorInsideSuccess,
    /// Every call: the platform's answer while its database is down.
    DatabaseDown,
    /// Once: the write fails by a deadlock, and is not done.
    DeadlockOnce,
    /// Every call: a good answer of more than 1 MiB.
    OversizedBody,
    /// Every call: an answer that goes on and on.
    EndlessBody,
    /// The write is redirected to this address, with the learner's address in the query.
    RedirectOnWrite(SocketAddr),
    /// The read is redirected to this address, with the learner's address in the query.
    RedirectOnRead(SocketAddr),
    /// Every call: the credentials are not accepted.
    BadCredentials,
    /// A right is missing, and reads answer as if nothing were there.
    RightMissingReadsLookEmpty,
    /// A right is missing, and the write is refused.
    RightMissingWritesRefused,
    /// Every call: something answers that is not this platform's site.
    WrongHost,
    /// The method, app or web service that we need is not installed or not switched on.
    MethodMissing,
    /// The course exists and takes nobody.
    CourseClosed,
    /// The learner's account is there and disabled.
    LearnerDisabled,
    /// The platform does not accept the learner's address.
    AddressRefused,
    /// Whoever is enrolled is invited, and has to accept.
    InvitedOnly,
    /// No seat or licence is left.
    SeatsUsedUp,
    /// Somebody else made two rows for this learner and course.
    DuplicateRow,
    /// Somebody else enrolled this learner before.
    EnrolledBefore,
    /// Somebody else enrolled this learner before, and suspended the enrolment.
    SuspendedBefore,
    /// Somebody gives the learner's enrolment an end, on the platform.
    EndSetByHand,
    /// The learner's account gets the address of `learner("moved")`, on the platform.
    AddressChanged,
    /// The write is refused with words that have our credentials and the learner's address in them.
    EchoesCredentials,
    /// Every call takes so long, then works.
    Slow(Duration),
}

//! The cases, in the order of the table.

use super::{Case, at_work, bodies, faults, learners, lost, mapping, others, taking_back};

macro_rules! cases {
    ($($name:literal, $about:literal => $run:path;)+) => {
        &[$(Case { name: $name, about: $about, run: |b| Box::pin($run(b)) }),+]
    };
}

pub const CASES: &[Case] = cases! {
    // A first connection.
    "address and credentials are proved", "ping" => mapping::ping;
    "with all rights none is missing", "missing_rights" => mapping::rights;
    "a missing right that makes reads look empty is noticed", "an empty list is not believed" => mapping::reads_look_empty;
    "a missing right to write breaks the connection", "orders wait, none is burned" => mapping::writes_refused;
    "mapped courses are found", "find_course" => mapping::finds_courses;
    "an unknown course is none", "find_course" => mapping::unknown_course;
    "an unknown course is not enrolled in", "mapping broken" => mapping::enrols_in_no_unknown_course;
    "courses are listed within a limit", "list_courses" => mapping::lists_courses;
    "a closed course is a matter of the mapping", "mapping broken" => mapping::closed_course;
    "used-up seats wait for the seller", "mapping or connection broken" => mapping::no_seats;
    // Learners.
    "a learner is made once", "twice in a row; the second call says so" => learners::twice;
    "six that make one learner at once end with one", "races lose softly" => learners::six_at_once;
    "addresses are compared without regard to case", "Ada@ is ada@" => learners::letter_case;
    "a buyer without a name can be enrolled", "some platforms want one" => learners::nameless;
    "a name of any characters can be enrolled", "quotes, markup, other scripts, controls" => learners::odd_name;
    "a name of any length can be enrolled", "680 characters" => learners::long_name;
    "a disabled account is the learner's problem", "and is not reported as success" => learners::disabled;
    "a refused address is the learner's problem", "" => learners::refused;
    "an account that changes its address keeps its enrolment", "the id stays, and is taken back by it" => learners::moved;
    // Enrolling.
    "who is not enrolled is not found", "before and after there is an account" => others::absent;
    "an enrolment is read back", "one row, active, by the id that the write named" => others::read_back;
    "enrolling twice is enrolling once", "with the same key and with another" => others::twice;
    "an enrolment has one id for ever", "by a connector made anew" => others::the_same_later;
    "somebody else's enrolment is not taken for ours", "another learner, another course" => others::nobody_elses;
    "two courses of one learner are two enrolments", "one is taken back, the other stays" => others::two_courses;
    "an enrolment from before is found and left as it is", "by whoever made it" => others::there_before;
    "the platform's own duplicates are reported", "always under the same id" => others::duplicates;
    "an enrolment suspended by somebody else is read as such", "" => others::suspended_before;
    "an invitation is not an enrolment", "invited, with the link where there is one" => others::invited;
    "a repeat neither extends nor removes an end", "set on the platform by somebody" => others::end_stays;
    "what is written has no end", "our own schedule ends it" => others::written_without_an_end;
    // Lost answers.
    "an answer lost after the write is unknown, and a read finds it", "" => lost::after_the_write;
    "an answer lost before the write is unknown, and a read finds nothing", "" => lost::before_the_write;
    "a write that is never answered is unknown in time", "within the limit of one call" => lost::never_answered;
    "a repeat after a lost answer finds its own", "one row" => lost::repeated;
    "a deadlock is tried again", "and nothing was written by it" => lost::deadlock;
    // Trouble that lasts.
    "a server that hangs is an outage", "transient" => faults::hang;
    "a connection that breaks is an outage", "transient" => faults::cut;
    "a server that does not listen is an outage", "transient, for writes too: nothing was sent" => faults::nobody_listens;
    "maintenance is an outage", "transient" => faults::maintenance;
    "a database that is down is an outage", "transient" => faults::database_down;
    "throttling is waited out as long as asked", "Retry-After: 7" => faults::throttled;
    "throttling without a time is waited out", "no Retry-After" => faults::throttled_without_a_time;
    "wrong credentials break the connection", "on reads and writes" => faults::bad_credentials;
    "wrong credentials are noticed at once", "ping" => faults::bad_credentials_on_ping;
    "the wrong host breaks the connection", "and never reads as absence" => faults::wrong_host;
    "a missing method breaks the connection", "app or web service not there" => faults::method_missing;
    "a page instead of JSON breaks the connection", "a login page, a proxy" => faults::html;
    "an error inside a success is an error", "200 with an exception" => faults::error_inside_success;
    "slow is not broken", "within the limits" => faults::slow;
    "no fault shows a secret or an address", "the platform echoes both" => faults::echoes_credentials;
    // Answers of the wrong kind.
    "an answer over 1 MiB is not read", "" => bodies::oversized;
    "an answer without end is not read", "" => bodies::endless;
    "a redirected write is not followed", "and nobody hears of the learner" => bodies::redirected_write;
    "a redirected read is not followed", "and nobody hears of the learner" => bodies::redirected_read;
    // Taking back.
    "taking back closes the course to the learner", "removed, or kept and suspended" => taking_back::closes;
    "taking back twice is taking back once", "absent is success" => taking_back::twice;
    "taking back concerns one learner", "" => taking_back::only_this_learner;
    "what cannot be taken back is said in words", "" => taking_back::refuses_in_words;
    "what was removed can be enrolled again", "" => taking_back::enrolled_again;
    "what was suspended can be restored", "the same id, once" => taking_back::restores;
    "what knows no suspension restores nothing", "" => taking_back::restores_nothing_it_cannot;
    // The pipeline at work.
    "one paid order is one enrolment", "queue, read, write, read back" => at_work::one_order;
    "six orders at once are one enrolment", "by the pipeline's own lock" => at_work::six_at_once;
    "an order whose answer was lost completes by reading", "and is of our making" => at_work::lost_answer;
    "what cannot be read is settled by a person", "or by a repeat, where declared safe" => at_work::lost_for_good;
    "an order survives a deadlock", "" => at_work::deadlock;
    "an order survives a day without the platform", "" => at_work::a_day_away;
    "an order waits for a right to be given", "and completes by itself" => at_work::broken_then_mended;
    "what was refunded meanwhile is not enrolled late", "" => at_work::revoked_meanwhile;
    "one of two orders leaves the enrolment, the last takes it", "" => at_work::two_orders;
    "only what we made is taken back", "" => at_work::only_ours;
    "taking back survives a day without the platform", "" => at_work::withdrawn_after_an_outage;
    "an invitation waits for the buyer", "" => at_work::invited;
    "what a refund suspended is restored for the next order", "the same enrolment" => at_work::restored;
    "what somebody else suspended waits for the seller", "and is not overridden" => at_work::suspended_by_others;
    "a repeat does not move the end of access", "30 days from the first" => at_work::the_end_stays;
};

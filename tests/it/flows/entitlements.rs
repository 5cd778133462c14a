//! All histories of up to six events over three courses, a bundle, refunds, disputes, days and gifts, each
//! against an oracle that knows the history only. They are walked as a graph: `walk.rs` says why two
//! histories that led to the same may go on as one.

mod history;
mod oracle;
mod snapshot;
mod stage;
mod walk;

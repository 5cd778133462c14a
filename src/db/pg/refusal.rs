//! What the server refuses, and why: its words without the values of rows, and the one refusal that is no
//! fault of the script's: two transactions waited for each other, and this one was stopped.

use anyhow::anyhow;
use tokio_postgres::error::SqlState;

use crate::error::Error;

/// The server's error without its details: those quote the values of the row, which may be a
/// buyer's address or a secret.
#[derive(Debug, thiserror::Error)]
#[error("{words} (SQLSTATE {})", state.code())]
struct Refusal {
    words: String,
    state: SqlState,
}

/// What went wrong, fit for the log.
pub(super) fn explain(e: tokio_postgres::Error) -> anyhow::Error {
    match e.as_db_error() {
        Some(db) => anyhow::Error::new(Refusal {
            words: db.message().to_owned(),
            state: db.code().clone(),
        }),
        None => anyhow!(e),
    }
}

/// The transaction was rolled back so that another can go on: the same again may succeed.
pub(super) fn gave_way(e: &Error) -> bool {
    let Error::Internal(e) = e else {
        return false;
    };
    let refusal = e.chain().find_map(|cause| cause.downcast_ref::<Refusal>());
    refusal.is_some_and(|refusal| {
        let state = &refusal.state;
        *state == SqlState::T_R_DEADLOCK_DETECTED || *state == SqlState::T_R_SERIALIZATION_FAILURE
    })
}

//! Being written: temporary stubs, so that the router compiles.
#![expect(missing_docs, reason = "temporary")]

use axum::http::StatusCode;

pub async fn landing() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
pub async fn file() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

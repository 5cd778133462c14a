//! Being written: temporary stubs, so that the router compiles.
#![expect(missing_docs, reason = "temporary")]

use axum::http::StatusCode;

pub async fn front() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
pub async fn order() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
pub async fn cover() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}

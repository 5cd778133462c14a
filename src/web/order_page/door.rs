//! Being written: temporary stubs, so that the router compiles.
#![expect(missing_docs, reason = "temporary")]

use axum::http::StatusCode;

pub async fn show() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
pub async fn stream() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
pub async fn simulate() -> StatusCode {
    StatusCode::NOT_IMPLEMENTED
}
pub async fn not_found() -> (StatusCode, axum::response::Html<&'static str>) {
    (StatusCode::NOT_FOUND, axum::response::Html("not found"))
}

//! `GET /api/openapi.json`: the API's description, made from the code that answers.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::admin::{
    alerts, audit, connections, coupons, decisions, events, gifts, grants, older, orders, refunds,
    stats, tasks, transfers,
};
use super::{check_status, create_order, health, metrics, qr, worker};
use crate::web::webhooks;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bursar",
        description = "Turns a paid course order into access, once. Errors are RFC 9457 problem \
                       JSON with a stable `code`, a message in the caller's language (`locale` in \
                       the query, else `Accept-Language`), and `success: false`.",
    ),
    paths(
        create_order::create,
        check_status::check,
        qr::draw,
        webhooks::sepay,
        webhooks::gateway,
        worker::claim,
        worker::heartbeat,
        worker::finalize,
        orders::list,
        orders::show,
        orders::audit,
        orders::cancel,
        orders::email,
        grants::list,
        grants::retry_many,
        grants::retry,
        grants::revoke,
        tasks::list,
        tasks::retry,
        connections::list,
        events::list,
        events::replay,
        events::close,
        transfers::list,
        transfers::show,
        decisions::assign,
        decisions::split,
        decisions::accept,
        decisions::give_back,
        decisions::discard,
        decisions::undo,
        refunds::list,
        refunds::ask,
        refunds::sent,
        refunds::call_off,
        gifts::give,
        gifts::receive,
        alerts::list,
        alerts::clear,
        alerts::polls,
        coupons::list,
        coupons::make,
        coupons::show,
        coupons::stop,
        audit::list,
        stats::show,
        older::by_address,
        older::by_body,
        show,
        health::lives,
        health::ready,
        metrics::show,
    ),
    modifiers(&Schemes),
    tags(
        (name = "orders", description = "For the shop's front end; any origin may call."),
        (name = "gateways", description = "For payment gateways."),
        (name = "workers", description = "For the seller's own delivery workers."),
        (name = "admin", description = "For the seller's own programs, with a key and its scopes."),
        (name = "operations", description = "For whoever runs the server."),
    ),
)]
struct Api;

static TEXT: LazyLock<String> = LazyLock::new(|| {
    Api::openapi()
        .to_json()
        .expect("a description made of literals is JSON")
});

/// This description.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "describeApi",
    tag = "operations",
    responses((status = 200, body = Object, content_type = "application/json")),
)]
pub async fn show() -> Response {
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// How callers prove who they are.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let schemes = [
            (
                "sepayApiKey",
                "Authorization",
                "`Apikey KEY`, as SePay sends it",
            ),
            (
                "sepaySignature",
                "X-SePay-Signature",
                "`sha256=` and the hex HMAC-SHA256 of `{X-SePay-Timestamp}.{raw body}`",
            ),
            (
                "stripeSignature",
                "Stripe-Signature",
                "`t=SECONDS,v1=HEX`: HEX is the HMAC-SHA256 of `{SECONDS}.{raw body}` with the \
                 endpoint's signing secret; at most 300 s old",
            ),
            (
                "workerSignature",
                "X-Signature",
                "The hex HMAC-SHA256 of `{X-Timestamp}.{raw body}` with `worker.secret`; \
                 `X-Timestamp` is in Unix seconds, at most 300 away from now",
            ),
        ];
        let components = api.components.get_or_insert_default();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("`bsr_…`, as `bursar key create` printed it"))
            .build();
        components.add_security_scheme("adminKey", SecurityScheme::Http(bearer));
        for (name, header, how) in schemes {
            let value = ApiKeyValue::with_description(header, how);
            components.add_security_scheme(name, SecurityScheme::ApiKey(ApiKey::Header(value)));
        }
    }
}

//! Every route on one page, and which layer is around it.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

use super::api::{check_status, create_order, health, metrics, openapi, qr, worker};
use super::state::Web;
use super::{around, assets, downloads, live, order_page, shop, webhooks};
use crate::app::App;

/// The whole server as a service.
pub fn router(app: Arc<App>) -> Router {
    over(Web::new(app))
}

/// The same over a state that the caller keeps a hold of.
pub(super) fn over(web: Web) -> Router {
    let demo = web.app.is_demo();
    let routes = front_end().merge(machines()).merge(pages()).merge(if demo {
        demo_only()
    } else {
        Router::new()
    });
    routes
        .method_not_allowed_fallback(around::method_not_allowed)
        .route("/api/", any(around::no_such_call))
        .route("/api/{*unknown}", any(around::no_such_call))
        .fallback(order_page::door::not_found)
        .layer(from_fn_with_state(web.clone(), live::seated))
        .layer(from_fn_with_state(web.clone(), around::every_request))
        .with_state(web)
}

/// Called by the shop's own pages, from another origin.
fn front_end() -> Router<Web> {
    Router::new()
        .route("/api/v1/payment/create-order", post(create_order::create))
        .route(
            "/api/v1/payment/check-status/{code}",
            get(check_status::check),
        )
        .route("/api/v1/payment/qr/{file}", get(qr::draw))
        .method_not_allowed_fallback(around::method_not_allowed)
        .layer(around::cross_origin())
}

/// Called by gateways, workers and whoever runs the server.
fn machines() -> Router<Web> {
    Router::new()
        .route("/api/v1/payment/webhook", post(webhooks::sepay))
        .route("/api/v1/payment/stripe/webhook", post(webhooks::stripe))
        .route("/api/v1/worker/claim", post(worker::claim))
        .route("/api/v1/worker/heartbeat", post(worker::heartbeat))
        .route("/api/v1/webhook/finalize", post(worker::finalize))
        .route("/api/openapi.json", get(openapi::show))
        .route("/healthz", get(health::lives))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
}

/// For buyers' browsers.
fn pages() -> Router<Web> {
    Router::new()
        .route("/", get(shop::door::front))
        .route("/courses", get(shop::door::front).post(shop::door::order))
        .route("/covers/{name}", get(shop::door::cover))
        .route("/o/{secret}", get(order_page::door::show))
        .route("/o/{secret}/stream", get(order_page::door::stream))
        .route("/f/{token}", get(downloads::door::landing))
        .route("/files/{token}/{name}", get(downloads::door::file))
        .route("/assets/{name}", get(assets::serve))
}

/// Never in a shop that takes money.
fn demo_only() -> Router<Web> {
    Router::new().route("/o/{secret}/simulate", post(order_page::door::simulate))
}

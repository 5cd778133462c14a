//! Every route on one page, and which layer is around it.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

use super::admin as desk;
use super::api::admin::{
    alerts, audit, connections, coupons, decisions, events, gifts, grants, older, orders, refunds,
    stats, tasks, transfers,
};
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
    let doors = front_end()
        .merge(machines())
        .merge(admin())
        .merge(money())
        .merge(seller())
        .merge(pages());
    let routes = doors.merge(if demo { demo_only() } else { Router::new() });
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
        .route("/api/v1/payment/{gateway}/webhook", post(webhooks::gateway))
        .route("/api/v1/worker/claim", post(worker::claim))
        .route("/api/v1/worker/heartbeat", post(worker::heartbeat))
        .route("/api/v1/webhook/finalize", post(worker::finalize))
        .route("/api/openapi.json", get(openapi::show))
        .route("/healthz", get(health::lives))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
}

/// Called by the seller's own programs, with a key; each call names its scope.
fn admin() -> Router<Web> {
    Router::new()
        .route("/api/v1/admin/orders", get(orders::list))
        .route("/api/v1/admin/orders/{code}", get(orders::show))
        .route("/api/v1/admin/orders/{code}/audit", get(orders::audit))
        .route("/api/v1/admin/orders/{code}/cancel", post(orders::cancel))
        .route("/api/v1/admin/orders/{code}/email", post(orders::email))
        .route("/api/v1/admin/grants", get(grants::list))
        .route("/api/v1/admin/grants/retry", post(grants::retry_many))
        .route("/api/v1/admin/grants/{id}/retry", post(grants::retry))
        .route("/api/v1/admin/grants/{id}/revoke", post(grants::revoke))
        .route("/api/v1/admin/tasks", get(tasks::list))
        .route("/api/v1/admin/tasks/{id}/retry", post(tasks::retry))
        .route("/api/v1/admin/connections", get(connections::list))
        .route("/api/v1/admin/events", get(events::list))
        .route("/api/v1/admin/events/{id}/replay", post(events::replay))
        .route("/api/v1/admin/events/{id}/close", post(events::close))
        .route("/api/v1/admin/audit", get(audit::list))
        .route("/api/v1/admin/stats", get(stats::show))
        .route(
            "/api/admin/retry-frappe-sync",
            get(older::by_address).post(older::by_body),
        )
}

/// The same callers, about money.
fn money() -> Router<Web> {
    Router::new()
        .route("/api/v1/admin/transfers", get(transfers::list))
        .route("/api/v1/admin/transfers/{id}", get(transfers::show))
        .route(
            "/api/v1/admin/transfers/{id}/assign",
            post(decisions::assign),
        )
        .route("/api/v1/admin/transfers/{id}/split", post(decisions::split))
        .route(
            "/api/v1/admin/transfers/{id}/accept",
            post(decisions::accept),
        )
        .route(
            "/api/v1/admin/transfers/{id}/give-back",
            post(decisions::give_back),
        )
        .route(
            "/api/v1/admin/transfers/{id}/discard",
            post(decisions::discard),
        )
        .route("/api/v1/admin/transfers/{id}/undo", post(decisions::undo))
        .route("/api/v1/admin/refunds", get(refunds::list))
        .route("/api/v1/admin/refunds/{id}/sent", post(refunds::sent))
        .route(
            "/api/v1/admin/refunds/{id}/call-off",
            post(refunds::call_off),
        )
        .route("/api/v1/admin/orders/{code}/refunds", post(refunds::ask))
        .route("/api/v1/admin/orders/{code}/payments", post(gifts::receive))
        .route("/api/v1/admin/gifts", post(gifts::give))
        .route("/api/v1/admin/alerts", get(alerts::list))
        .route(
            "/api/v1/admin/alerts/{kind}/{subject}/clear",
            post(alerts::clear),
        )
        .route("/api/v1/admin/polls", get(alerts::polls))
        .route(
            "/api/v1/admin/coupons",
            get(coupons::list).post(coupons::make),
        )
        .route("/api/v1/admin/coupons/{code}", get(coupons::show))
        .route("/api/v1/admin/coupons/{code}/stop", post(coupons::stop))
}

/// For the seller's browser, with a session; each page names its scope.
fn seller() -> Router<Web> {
    use desk::{grants, messages, overview, refunds, sign_in};
    Router::new()
        .route("/admin/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/admin/sign-out", post(sign_in::leave))
        .route("/admin", get(overview::show))
        .route("/admin/alerts/clear", post(overview::clear))
        .route("/admin/refunds", get(refunds::show))
        .route("/admin/refunds/{id}/sent", post(refunds::sent))
        .route("/admin/refunds/{id}/call-off", post(refunds::call_off))
        .route("/admin/grants", get(grants::show))
        .route("/admin/grants/{id}/retry", post(grants::retry))
        .route("/admin/messages", get(messages::show))
        .route("/admin/messages/{id}/replay", post(messages::replay))
        .route("/admin/messages/{id}/close", post(messages::close))
        .merge(seller_decides())
}

/// The same, for what is decided about one transfer and one order.
fn seller_decides() -> Router<Web> {
    use desk::{orders, transfers};
    use orders::decide as order;
    use transfers::decide as transfer;
    Router::new()
        .route("/admin/transfers", get(transfers::show))
        .route("/admin/transfers/{id}", get(transfers::one::show))
        .route("/admin/transfers/{id}/assign", post(transfer::assign))
        .route("/admin/transfers/{id}/accept", post(transfer::accept))
        .route("/admin/transfers/{id}/split", post(transfer::split))
        .route("/admin/transfers/{id}/give-back", post(transfer::give_back))
        .route("/admin/transfers/{id}/discard", post(transfer::discard))
        .route("/admin/transfers/{id}/undo", post(transfer::undo))
        .route("/admin/orders", get(orders::show))
        .route("/admin/orders/{code}", get(orders::one::show))
        .route("/admin/orders/{code}/cancel", post(order::cancel))
        .route("/admin/orders/{code}/refund", post(order::refund))
        .route("/admin/orders/{code}/retry", post(order::retry))
        .route("/admin/orders/{code}/revoke", post(order::revoke))
        .route("/admin/orders/{code}/give", post(order::give))
        .route("/admin/orders/{code}/email", post(order::email))
}

/// For buyers' browsers.
fn pages() -> Router<Web> {
    Router::new()
        .route("/", get(shop::door::front))
        .route("/courses", get(shop::door::front).post(shop::door::order))
        .route("/covers/{name}", get(shop::door::cover))
        .route("/o/{secret}", get(order_page::door::show))
        .route("/o/{secret}/stream", get(order_page::door::stream))
        .route("/o/{secret}/back", get(order_page::door::back))
        .route(
            "/o/{secret}/pay/{gateway}",
            get(order_page::pay::astray).post(order_page::pay::pay),
        )
        .route("/f/{token}", get(downloads::door::landing))
        .route("/files/{token}/{name}", get(downloads::door::file))
        .route("/assets/{name}", get(assets::serve))
}

/// Never in a shop that takes money.
fn demo_only() -> Router<Web> {
    Router::new().route("/o/{secret}/simulate", post(order_page::pretend::simulate))
}

//! `POST /api/v1/payment/create-order`: the shop's front end orders for a buyer.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::payment_methods::{self, PaymentMethod};
use crate::app::App;
use crate::error::{Error, FieldFault, Result};
use crate::fulfilment::place::Placed;
use crate::fulfilment::price::{Applied, Rule};
use crate::model::line::Line;
use crate::web::body;
use crate::web::caller::Caller;
use crate::web::ordering::{self, Form};
use crate::web::problem::ProblemBody;
use crate::web::state::Web;
use crate::words::Locale;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a buyer orders. Fields that are not listed are ignored, prices among them: the price comes
/// from the catalogue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateOrder {
    /// Where access and letters go.
    #[schema(max_length = 254)]
    email: String,
    /// At least one; each course once.
    courses: Vec<Wanted>,
    /// The buyer's name.
    #[schema(max_length = 120)]
    name: Option<String>,
    /// 6 to 15 digits; blanks, `.`, `-`, brackets and a leading `+` are allowed.
    #[schema(max_length = 40)]
    phone: Option<String>,
    /// A coupon's code, in any case. One that cannot be used for this order is refused, and no order
    /// is made.
    #[schema(min_length = 3, max_length = 32)]
    coupon: Option<String>,
    /// `vi` or `en`; the caller's language when missing.
    locale: Option<String>,
}

/// One course or bundle. A bare string stands for its `url`.
#[derive(Debug, ToSchema)]
pub struct Wanted {
    /// The address of its page in the shop, or its slug.
    url: String,
    /// Ignored: the catalogue knows it.
    #[schema(required = false)]
    #[expect(dead_code, reason = "only described: the catalogue's title counts")]
    title: Option<String>,
}

/// The order as it is now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderAnswer {
    /// Always true.
    success: bool,
    /// The order's id.
    order_id: String,
    /// What the buyer writes into the transfer.
    order_code: String,
    /// In whole dong.
    total_amount: i64,
    /// ISO 4217.
    currency: &'static str,
    /// `pending`; `paid` where a coupon took off everything. A repeated request may find it further on.
    payment_status: &'static str,
    /// A picture of the VietQR code.
    qr_code_url: String,
    /// The buyer's own page: secret, to be given to nobody else.
    status_url: String,
    /// Ways to pay, while the order waits for money. `statusUrl` offers them all.
    payment_methods: Vec<PaymentMethod>,
    /// When it expires unpaid, RFC 3339.
    expires_at: String,
    /// What it contains; a bundle is named by its courses.
    courses: Vec<CourseAnswer>,
    /// Which rules gave the price.
    price_rule: PriceRule,
}

/// One course of an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct CourseAnswer {
    /// The course.
    slug: String,
    /// Its title.
    title: String,
    /// Its share of the total.
    price: i64,
}

/// Which rules gave the price.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceRule {
    /// For people, in the order's language.
    text: String,
    /// For programs; none means list prices.
    applied: Vec<AppliedRule>,
}

/// One rule at work.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AppliedRule {
    /// A bundle's price for its courses.
    Bundle {
        /// The bundle.
        slug: String,
        /// Its title.
        title: String,
        /// Its price.
        price: i64,
    },
    /// A price for any so many courses.
    Combo {
        /// How many courses it takes.
        courses: usize,
        /// Its price.
        price: i64,
        /// How many times it was used.
        times: usize,
    },
    /// What a coupon takes off the rest; always the last.
    Coupon {
        /// What the buyer typed, in capitals.
        code: String,
        /// So many per cent; null for an amount.
        percent: Option<i64>,
        /// What it took off.
        off: i64,
    },
}

/// Order courses. The same `Idempotency-Key` with the same body answers with the same order as it
/// is now; with another body it is refused.
#[utoipa::path(
    post,
    path = "/api/v1/payment/create-order",
    operation_id = "createOrder",
    tag = "orders",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters")),
    request_body(content = CreateOrder, description = "At most 64 KiB"),
    responses(
        (status = 200, body = OrderAnswer),
        (status = 400, body = ProblemBody, content_type = "application/problem+json",
         description = "`invalid_json`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`idempotency_conflict`: the key was used for another request"),
        (status = 413, body = ProblemBody, content_type = "application/problem+json",
         description = "`body_too_large`"),
        (status = 415, body = ProblemBody, content_type = "application/problem+json",
         description = "`wrong_content_type`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
         description = "`unknown_course`, `invalid_input` with each fault, or why the coupon cannot be used: \
                        `unknown_coupon`, `coupon_expired`, `coupon_not_yet`, `coupon_used_up`, \
                        `coupon_customer_limit`, `coupon_not_for_these`, `coupon_minimum`"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json",
         description = "`rate_limited`: too many orders, or coupons that do not exist, from this address"),
    ),
)]
pub async fn create(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let mut caller = caller;
    let placed = order(&web.app, &mut caller, &headers, body).await;
    let answered = placed.and_then(|placed| answer(&web.app, &placed));
    match answered {
        Ok(answer) => ([(CACHE_CONTROL, "no-store")], Json(answer)).into_response(),
        Err(e) => caller.problem(e).into_response(),
    }
}

/// From here on the caller is answered in the language that the request names.
async fn order(
    app: &Arc<App>,
    caller: &mut Caller,
    headers: &HeaderMap,
    body: Body,
) -> Result<Placed> {
    app.limits.check_order(caller.address)?;
    let body = body::read(headers, body).await?;
    let asked: CreateOrder = body::json(headers, &body)?;
    *caller = caller.clone().speaking(asked.locale.as_deref());
    let form = Form {
        email: asked.email,
        name: asked.name,
        phone: asked.phone,
        locale: asked.locale,
        coupon: asked.coupon,
        courses: asked.courses.into_iter().map(|course| course.url).collect(),
        idempotency: key(headers)?.map(|key| (key, hex::encode(Sha256::digest(&body)))),
    };
    ordering::place(app, caller.address, form.check(caller.locale)?).await
}

/// The caller's `Idempotency-Key`, not looked at yet.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let text = key.to_str().map_err(|_| {
        Error::Invalid(vec![FieldFault::new(
            "Idempotency-Key",
            "bad_idempotency_key",
        )])
    })?;
    Ok(Some(text.to_owned()))
}

fn answer(app: &App, placed: &Placed) -> Result<OrderAnswer> {
    let (desk, order) = (&app.desk, &placed.order);
    Ok(OrderAnswer {
        success: true,
        order_id: order.id.to_string(),
        order_code: order.code.to_string(),
        total_amount: order.total.minor,
        currency: order.total.currency.code(),
        payment_status: order.payment_status.as_str(),
        qr_code_url: format!("{}/api/v1/payment/qr/{}.svg", desk.public_url, order.code),
        status_url: desk.order_url(&order.secret),
        payment_methods: payment_methods::of(app, order),
        expires_at: order.expires_at.rfc3339(),
        courses: placed.lines.iter().map(course).collect(),
        price_rule: price_rule(&order.price_rule, order.locale)?,
    })
}

fn course(line: &Line) -> CourseAnswer {
    CourseAnswer {
        slug: line.course.clone(),
        title: line.title.clone(),
        price: line.price,
    }
}

fn price_rule(stored: &str, locale: Locale) -> Result<PriceRule> {
    let rule = Rule::from_json(stored)?;
    Ok(PriceRule {
        text: rule.say(locale),
        applied: rule.0.into_iter().map(applied).collect(),
    })
}

fn applied(rule: Applied) -> AppliedRule {
    match rule {
        Applied::Bundle { slug, title, price } => AppliedRule::Bundle {
            slug: slug.to_string(),
            title,
            price: price.minor,
        },
        Applied::Combo {
            courses,
            price,
            times,
        } => AppliedRule::Combo {
            courses,
            price: price.minor,
            times,
        },
        Applied::Coupon { code, percent, off } => AppliedRule::Coupon {
            code: code.to_string(),
            percent,
            off: off.minor,
        },
    }
}

/// By hand: serde's own choice between a string and an object cannot say which field is wrong.
impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WantedVisitor)
    }
}

struct WantedVisitor;

impl<'de> Visitor<'de> for WantedVisitor {
    type Value = Wanted;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a course's address or slug, or an object with its url")
    }

    fn visit_str<E: de::Error>(self, url: &str) -> Result<Wanted, E> {
        let url = url.to_owned();
        Ok(Wanted { url, title: None })
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Wanted, M::Error> {
        #[derive(Deserialize)]
        struct Object {
            url: String,
            title: Option<String>,
        }
        let Object { url, title } = Object::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Wanted { url, title })
    }
}

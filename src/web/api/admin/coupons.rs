//! Coupons: make one, look at them and at what became of their uses, stop one.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::operator::{Operator, Refused};
use super::page::{Moved, Page, identified};
use super::sent::Sent;
use crate::app::App;
use crate::clock::Timestamp;
use crate::error::{Error, FieldFault, Result};
use crate::fulfilment::offer;
use crate::model::api_key::Scope;
use crate::model::coupon::{self, Counted, CouponCode, CouponKind, Limits, NewCoupon, Use};
use crate::model::course::Slug;
use crate::money::Currency;
use crate::web::problem::ProblemBody;
use crate::web::state::Web;

/// Coupons in the list, and uses of one: the newest.
const MOST: i64 = 500;

/// A new coupon. Either `percent` or `amount`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CouponWish {
    /// What buyers type, in any case: 3 to 32 letters, digits, - and _.
    code: String,
    /// Per cent off what it covers, 1 to 100.
    percent: Option<i64>,
    /// Dong off what it covers.
    amount: Option<i64>,
    /// Slugs of courses or bundles; everything when empty.
    #[serde(default)]
    only_for: Vec<String>,
    /// Only the first so many orders.
    max_uses: Option<i64>,
    /// Only so many orders of one customer.
    per_customer: Option<i64>,
    /// Only for orders that cost so many dong before it.
    #[serde(default)]
    min_total: i64,
    /// RFC 3339: not before.
    from: Option<String>,
    /// RFC 3339: the first moment at which it is over.
    until: Option<String>,
    /// What it is for; buyers never see it.
    #[serde(default)]
    note: String,
}

/// A coupon with what became of its uses. Money is in minor units of `currency`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CouponRow {
    #[serde(rename = "code")]
    id: String,
    /// `percent` or `amount`.
    kind: &'static str,
    value: i64,
    currency: &'static str,
    only_for: Vec<String>,
    max_uses: Option<i64>,
    per_customer: Option<i64>,
    min_total: i64,
    from: Option<String>,
    until: Option<String>,
    /// False: it was stopped.
    active: bool,
    note: String,
    /// Uses of open orders.
    reserved: i64,
    /// Uses of paid orders.
    used: i64,
    /// What paid orders were cheaper by.
    taken_off: i64,
    created_at: String,
}

identified!(CouponRow);

/// A coupon with its latest uses.
#[derive(Debug, Serialize, ToSchema)]
pub struct CouponStory {
    #[serde(flatten)]
    coupon: CouponRow,
    uses: Vec<CouponUseRow>,
}

/// One order's use of a coupon.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CouponUseRow {
    order_code: String,
    email: String,
    /// `reserved`, `used` or `released`.
    state: &'static str,
    taken_off: i64,
    at: String,
}

/// Coupons, the newest first; at most 500.
#[utoipa::path(
    get,
    path = "/api/v1/admin/coupons",
    operation_id = "listCoupons",
    tag = "admin",
    responses((status = 200, body = Page<CouponRow>), Refused),
    security(("adminKey" = ["coupons:write"])),
)]
pub async fn list(State(web): State<Web>, operator: Operator) -> Response {
    operator.answer(Scope::CouponsWrite, all(&web.app)).await
}

/// Make a coupon. A code is used once, so a retry makes no second.
#[utoipa::path(
    post,
    path = "/api/v1/admin/coupons",
    operation_id = "makeCoupon",
    tag = "admin",
    request_body = CouponWish,
    responses(
        (status = 200, body = Moved, description = "`moved` has its code"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`coupon_taken`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json",
         description = "`coupon_for_unknown`, `invalid_input`"),
        Refused,
    ),
    security(("adminKey" = ["coupons:write"])),
)]
pub async fn make(State(web): State<Web>, operator: Operator, sent: Sent) -> Response {
    let work = made(&web.app, &operator, sent);
    operator.answer(Scope::CouponsWrite, work).await
}

/// One coupon with its latest uses; at most 500.
#[utoipa::path(
    get,
    path = "/api/v1/admin/coupons/{code}",
    operation_id = "showCoupon",
    tag = "admin",
    params(("code" = String, Path, description = "What buyers type")),
    responses(
        (status = 200, body = CouponStory),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        Refused,
    ),
    security(("adminKey" = ["coupons:write"])),
)]
pub async fn show(
    State(web): State<Web>,
    operator: Operator,
    Path(code): Path<String>,
) -> Response {
    let work = whole(&web.app, &code);
    operator.answer(Scope::CouponsWrite, work).await
}

/// Refuse it to new orders from now on. Orders that have it keep their price.
#[utoipa::path(
    post,
    path = "/api/v1/admin/coupons/{code}/stop",
    operation_id = "stopCoupon",
    tag = "admin",
    params(("code" = String, Path, description = "What buyers type")),
    responses(
        (status = 200, body = Moved, description = "`moved` has its code"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json",
         description = "`not_found`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json",
         description = "`coupon_stopped`"),
        Refused,
    ),
    security(("adminKey" = ["coupons:write"])),
)]
pub async fn stop(
    State(web): State<Web>,
    operator: Operator,
    Path(code): Path<String>,
) -> Response {
    let work = ended(&web.app, &operator, &code);
    operator.answer(Scope::CouponsWrite, work).await
}

async fn all(app: &App) -> Result<Page<CouponRow>> {
    let found = app
        .db
        .read(|tx| Box::pin(coupon::counted(tx, None, MOST)))
        .await?;
    Ok(Page {
        items: found.into_iter().map(CouponRow::from).collect(),
        next: None,
    })
}

async fn made(app: &App, operator: &Operator, sent: Sent) -> Result<Moved> {
    let new = sent.json::<CouponWish>().await?.coupon()?;
    let moment = operator.moment(app);
    let made = app
        .db
        .write(move |tx| Box::pin(async move { offer::make(tx, &moment, &new).await }));
    Ok(Moved::one(made.await?.code.to_string()))
}

async fn whole(app: &App, code: &str) -> Result<CouponStory> {
    let code = known(code)?;
    let read = app.db.read(move |tx| {
        Box::pin(async move {
            let counted = coupon::counted(tx, Some(&code), 1).await?.pop();
            let counted = counted.ok_or(Error::NotFound("coupon"))?;
            let uses = coupon::uses::latest(tx, &counted.coupon.id, MOST).await?;
            Ok((counted, uses))
        })
    });
    let (counted, uses) = read.await?;
    Ok(CouponStory {
        coupon: counted.into(),
        uses: uses.into_iter().map(CouponUseRow::from).collect(),
    })
}

async fn ended(app: &App, operator: &Operator, code: &str) -> Result<Moved> {
    let code = known(code)?;
    let moment = operator.moment(app);
    let stopped = app
        .db
        .write(move |tx| Box::pin(async move { offer::stop(tx, &moment, &code).await }));
    Ok(Moved::one(stopped.await?.code.to_string()))
}

/// A code that none can have is the code of none.
fn known(code: &str) -> Result<CouponCode> {
    CouponCode::parse(code).ok_or(Error::NotFound("coupon"))
}

impl CouponWish {
    fn coupon(self) -> Result<NewCoupon> {
        let (kind, value) = match (self.percent, self.amount) {
            (Some(percent), None) => (CouponKind::Percent, percent),
            (None, Some(amount)) => (CouponKind::Amount, amount),
            (None, None) => return Err(fault("percent", "missing")),
            (Some(_), Some(_)) => return Err(fault("amount", "wrong_value")),
        };
        let time = |field: &str, text: Option<String>| match text {
            None => Ok(None),
            Some(text) => Timestamp::parse(&text)
                .map(Some)
                .ok_or_else(|| fault(field, "bad_time")),
        };
        let slug = |(place, text): (usize, String)| {
            Slug::parse(&text).map_err(|_| fault(&format!("onlyFor[{place}]"), "wrong_value"))
        };
        Ok(NewCoupon {
            code: CouponCode::parse(&self.code).ok_or_else(|| fault("code", "bad_coupon"))?,
            kind,
            value,
            currency: Currency::Vnd,
            only_for: self
                .only_for
                .into_iter()
                .enumerate()
                .map(slug)
                .collect::<Result<_>>()?,
            limits: Limits {
                max_uses: self.max_uses,
                per_customer: self.per_customer,
                min_total: self.min_total,
                from: time("from", self.from)?,
                until: time("until", self.until)?,
                active: true,
                note: self.note,
            },
        })
    }
}

fn fault(field: &str, code: &'static str) -> Error {
    Error::Invalid(vec![FieldFault::new(field, code)])
}

impl From<Counted> for CouponRow {
    fn from(counted: Counted) -> Self {
        let (coupon, limits) = (counted.coupon.clone(), counted.coupon.limits);
        Self {
            id: coupon.code.to_string(),
            kind: coupon.kind.as_str(),
            value: coupon.value,
            currency: coupon.currency.code(),
            only_for: coupon.only_for.iter().map(Slug::to_string).collect(),
            max_uses: limits.max_uses,
            per_customer: limits.per_customer,
            min_total: limits.min_total,
            from: limits.from.map(Timestamp::rfc3339),
            until: limits.until.map(Timestamp::rfc3339),
            active: limits.active,
            note: limits.note,
            reserved: counted.reserved,
            used: counted.used,
            taken_off: counted.taken_off.minor,
            created_at: coupon.created_at.rfc3339(),
        }
    }
}

impl From<Use> for CouponUseRow {
    fn from(used: Use) -> Self {
        Self {
            order_code: used.order,
            email: used.email,
            state: used.state.as_str(),
            taken_off: used.taken_off.minor,
            at: used.at.rfc3339(),
        }
    }
}

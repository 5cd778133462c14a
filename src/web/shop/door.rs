//! The door to the shop front: what is on sale, and one form that places an order. The form is read
//! as strictly as the API; what is wrong comes back on the page, with all that was typed.

use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use url::form_urlencoded;

pub use super::covers::serve as cover;

use super::covers;
use super::view::{
    BundleCard, ComboOffer, CourseCard, FormFault, Gives, OrderForm, Rights, ShopView,
};
use crate::error::{Error, FieldFault, Result};
use crate::fulfilment::place::{self, Request};
use crate::model::bundle::Bundle;
use crate::model::catalogue::Catalogue;
use crate::model::course::{self, Course};
use crate::money::Money;
use crate::web::body;
use crate::web::buyer::parse_buyer;
use crate::web::order_page::Totals;
use crate::web::ordering::{self, Form};
use crate::web::visit::{Privacy, Visit};
use crate::words::Locale;

/// Where the form posts to.
const ACTION: &str = "/courses";

/// What was typed and ticked.
#[derive(Debug, Default)]
struct Typed {
    courses: Vec<String>,
    email: String,
    name: String,
    phone: String,
    coupon: String,
    locale: String,
    /// Only the price is asked for.
    only_price: bool,
}

/// What the page says about what was typed.
enum Verdict {
    Nothing,
    Price(Totals),
    Refused(Error),
}

/// `GET /` and `GET /courses`: what is on sale; `?course=` ticks, repeated, `?coupon=` fills in.
pub async fn front(visit: Visit) -> Response {
    let typed = Typed {
        courses: visit.asked("course").collect(),
        coupon: visit.asked("coupon").next().unwrap_or_default(),
        ..Typed::default()
    };
    match visit.app.catalogue().await {
        Ok(catalogue) => shop_page(&visit, &catalogue, &typed, Verdict::Nothing),
        Err(error) => visit.failed(&error),
    }
}

/// `POST /courses`: place an order and go to its page; or say what it would cost, and order nothing.
pub async fn order(visit: Visit, body: Body) -> Response {
    if visit.is_foreign() {
        return visit.failed(&Error::Forbidden("a form on another site"));
    }
    let typed = match read_form(&visit.headers, body).await {
        Ok(typed) => typed,
        Err(error) => return again(&visit, &Typed::default(), Verdict::Refused(error)).await,
    };
    if typed.only_price {
        let price = price(&visit, &typed).await;
        let verdict = price.map_or_else(Verdict::Refused, Verdict::Price);
        return again(&visit, &typed, verdict).await;
    }
    match place_order(&visit, &typed).await {
        Ok(secret) => Redirect::to(&format!("/o/{secret}")).into_response(),
        Err(error) => again(&visit, &typed, Verdict::Refused(error)).await,
    }
}

async fn read_form(headers: &HeaderMap, body: Body) -> Result<Typed> {
    let bytes = body::read(headers, body).await?;
    let mut typed = Typed::default();
    for (name, value) in form_urlencoded::parse(&bytes) {
        let value = value.into_owned();
        match &*name {
            "course" => typed.courses.push(value),
            "email" => typed.email = value,
            "name" => typed.name = value,
            "phone" => typed.phone = value,
            "coupon" => typed.coupon = value,
            "locale" => typed.locale = value,
            "step" => typed.only_price = value == "price",
            _ => {}
        }
    }
    Ok(typed)
}

/// What the chosen courses cost with the coupon. A limit per customer is looked at where the address
/// is there already.
async fn price(visit: &Visit, typed: &Typed) -> Result<Totals> {
    let app = &visit.app;
    let catalogue = app.catalogue().await?;
    let basket = place::basket(&catalogue, &app.desk.policy, &typed.courses)?;
    let coupon = ordering::coupon(Some(&typed.coupon));
    let quote = match coupon.map_err(|fault| Error::Invalid(vec![fault]))? {
        None => basket.quote().clone(),
        Some(code) => {
            let buyer = parse_buyer(&typed.email, None, None, None).ok();
            let email = buyer.map(|buyer| buyer.email);
            ordering::preview(app, visit.caller.address, &basket, code, email).await?
        }
    };
    Ok(Totals::of(quote.list_total, quote.total, quote.rule))
}

/// The secret of the new order's page.
async fn place_order(visit: &Visit, typed: &Typed) -> Result<String> {
    let app = &visit.app;
    app.limits.check_order(visit.caller.address)?;
    let request = form(typed).check(visit.locale());
    let catalogue = app.catalogue().await?;
    let basket = place::basket(&catalogue, &app.desk.policy, &typed.courses);
    let request = all_faults(basket.err(), request)?;
    let placed = ordering::place(app, visit.caller.address, request).await?;
    Ok(placed.order.secret)
}

fn form(typed: &Typed) -> Form {
    Form {
        email: typed.email.clone(),
        name: Some(typed.name.clone()),
        phone: Some(typed.phone.clone()),
        locale: Some(typed.locale.clone()),
        coupon: Some(typed.coupon.clone()),
        courses: typed.courses.clone(),
        ..Form::default()
    }
}

/// What is wrong with the basket and with the buyer, at once: nobody should be sent back twice.
fn all_faults(basket: Option<Error>, request: Result<Request>) -> Result<Request> {
    match (basket, request) {
        (None, request) => request,
        (Some(Error::Invalid(mut faults)), Err(Error::Invalid(more))) => {
            faults.extend(more);
            Err(Error::Invalid(faults))
        }
        (Some(Error::Refused(refusal)), Err(Error::Invalid(more))) => {
            let mut faults = vec![FieldFault {
                field: "courses".to_owned(),
                code: refusal.code,
                values: refusal.values,
            }];
            faults.extend(more);
            Err(Error::Invalid(faults))
        }
        (Some(error), _) => Err(error),
    }
}

/// The page again, with what was typed and what there is to say about it.
async fn again(visit: &Visit, typed: &Typed, verdict: Verdict) -> Response {
    if let Verdict::Refused(error @ Error::Internal(_)) = &verdict {
        return visit.failed(error);
    }
    match visit.app.catalogue().await {
        Ok(catalogue) => shop_page(visit, &catalogue, typed, verdict),
        Err(error) => visit.failed(&error),
    }
}

fn shop_page(visit: &Visit, catalogue: &Catalogue, typed: &Typed, verdict: Verdict) -> Response {
    let locale = Locale::parse(&typed.locale).unwrap_or_else(|| visit.locale());
    let wait = match &verdict {
        Verdict::Refused(Error::TooMany(after)) => Some(after.as_secs().max(1)),
        _ => None,
    };
    let (status, faults, price) = match verdict {
        Verdict::Nothing => (StatusCode::OK, Vec::new(), None),
        Verdict::Price(totals) => (StatusCode::OK, Vec::new(), Some(totals)),
        Verdict::Refused(error) => {
            let (status, faults) = faults(visit, locale, error);
            (status, faults, None)
        }
    };
    let view = ShopView {
        frame: visit.frame(locale),
        action: ACTION.to_owned(),
        courses: catalogue
            .courses
            .iter()
            .map(|course| card(visit, course, typed))
            .collect(),
        bundles: catalogue
            .bundles
            .iter()
            .map(|bundle| bundle_card(catalogue, bundle))
            .collect(),
        combos: combos(catalogue),
        form: OrderForm {
            email: typed.email.clone(),
            name: typed.name.clone(),
            phone: typed.phone.clone(),
            coupon: typed.coupon.clone(),
            faults,
        },
        price,
    };
    let mut response = match view.page() {
        Ok(html) => visit.page(status, html, Privacy::Open),
        Err(error) => visit.failed(&error),
    };
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// The sentence for each fault, and the status of them all.
fn faults(visit: &Visit, locale: Locale, error: Error) -> (StatusCode, Vec<FormFault>) {
    let tag = Some(locale.tag());
    let problem = |error| visit.caller.clone().speaking(tag).problem(error);
    let fault = |field: &str, error| FormFault {
        field: field_of_form(field).to_owned(),
        text: problem(error).detail(),
    };
    match error {
        Error::Invalid(all) => {
            let each = |one: FieldFault| fault(&one.field.clone(), Error::Invalid(vec![one]));
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            (status, all.into_iter().map(each).collect())
        }
        Error::Refused(refusal) if field_of_refusal(refusal.code).is_some() => {
            let field = field_of_refusal(refusal.code).unwrap_or_default();
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            (status, vec![fault(field, Error::Refused(refusal))])
        }
        other => {
            let problem = problem(other);
            let whole = FormFault {
                field: String::new(),
                text: problem.detail(),
            };
            (problem.status(), vec![whole])
        }
    }
}

/// The API's `courses[3].url` is the form's `course`.
fn field_of_form(field: &str) -> &str {
    match field {
        "email" | "name" | "phone" | "coupon" => field,
        courses if courses.starts_with("courses") => "course",
        _ => "",
    }
}

/// Where on the form a refusal belongs, unless it is about the whole of it.
fn field_of_refusal(code: &str) -> Option<&'static str> {
    match code {
        "unknown_course" => Some("courses"),
        "unknown_coupon" => Some("coupon"),
        code if code.starts_with("coupon_") => Some("coupon"),
        _ => None,
    }
}

fn card(visit: &Visit, course: &Course, typed: &Typed) -> CourseCard {
    let slug = course.slug.to_string();
    let mut gives: Vec<Gives> = course.benefits.iter().map(gives).collect();
    gives.dedup();
    CourseCard {
        title: course.title.clone(),
        summary: course.summary.clone(),
        cover: course
            .cover
            .as_deref()
            .and_then(|cover| covers::url(&visit.app.config.shop, cover)),
        price: course.price,
        rights: match course.rights {
            course::Rights::Own => Rights::Own,
            course::Rights::Licensed => Rights::Licensed,
            course::Rights::Open => Rights::Open,
        },
        gives,
        access_days: course.access_days,
        chosen: typed.courses.contains(&slug),
        slug,
    }
}

fn gives(benefit: &course::Benefit) -> Gives {
    match benefit {
        course::Benefit::Enrolment { .. } => Gives::Enrolment,
        course::Benefit::Files { .. } => Gives::Files,
    }
}

fn bundle_card(catalogue: &Catalogue, bundle: &Bundle) -> BundleCard {
    let courses: Vec<&Course> = bundle
        .courses
        .iter()
        .filter_map(|slug| catalogue.course(slug))
        .collect();
    BundleCard {
        title: bundle.title.clone(),
        price: bundle.price,
        list: Money {
            minor: courses.iter().map(|course| course.price.minor).sum(),
            currency: bundle.price.currency,
        },
        courses: courses
            .into_iter()
            .map(|course| (course.slug.to_string(), course.title.clone()))
            .collect(),
    }
}

fn combos(catalogue: &Catalogue) -> Vec<ComboOffer> {
    let offers = catalogue.combos.iter().map(|combo| ComboOffer {
        count: combo.courses,
        price: combo.price,
    });
    offers.collect()
}

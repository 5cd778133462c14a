//! The fake's HTTP side. Every request takes the same road: noted, delayed, perhaps spoilt,
//! authenticated, acted on under one short lock, answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::{any, get};
use base64::Engine as _;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::mischief::{
    Call, Canned, Mischief, already_enrolled, bad_credentials, duplicate_user, exception,
    forbidden, missing_method, unknown_link,
};
use super::store::{
    FakeEnrolment, FakeUser, Filters, SERVICE_USER, Seen, Store, batch_row_json, service_user,
};
use super::{Framework, Site};

const SERVER: &str = "Bursar-fake-LMS (a fake for demos and tests, not Frappe)";
const SHOP_METHOD: &str = "lms.lms.payment_confirmation.confirm_payment";
const LONGEST_BODY: usize = 256 * 1024;

pub(super) fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/api/method/{method}", any(method))
        .route("/api/resource/{doctype}", get(list).post(create))
        .route("/api/resource/{doctype}/{name}", get(read).delete(delete))
        .route("/lms/courses/{course}", get(super::page::course))
        .fallback(elsewhere)
        .with_state(site)
}

async fn method(
    State(site): State<Arc<Site>>,
    Path(path): Path<String>,
    asked: Request,
) -> Response {
    let call = method_call(&path);
    let shop_method = site.options.shop_method;
    serve(&site, call, asked, move |store, asked| match call {
        Call::Ping => ok(&json!({"message": "pong"})),
        Call::WhoAmI if asked.guest => ok(&json!({"message": "Guest"})),
        Call::WhoAmI => ok(&json!({"message": SERVICE_USER})),
        Call::Confirm if shop_method => confirm(store, &asked.body),
        _ => Deed::Answer(missing_method(&path)),
    })
    .await
}

fn method_call(path: &str) -> Call {
    match path {
        "ping" => Call::Ping,
        "frappe.auth.get_logged_user" => Call::WhoAmI,
        SHOP_METHOD => Call::Confirm,
        _ => Call::Other,
    }
}

/// The shop-made method: errors inside a 200, and no account is made for anybody.
fn confirm(store: &mut Store, body: &Value) -> Deed {
    let (email, course) = (text(body, "user_email"), text(body, "course_id"));
    let refusal = |error: &str| ok(&json!({"message": {"success": false, "error": error}}));
    if store.user(email).is_none() {
        return refusal("User not found");
    }
    if store.course(course).is_none() {
        return refusal("Course not found");
    }
    if store.is_enrolled(email, course) {
        return refusal("User is already enrolled in this course");
    }
    let row = store.put_enrolment(email, course);
    ok(&json!({"message": {"success": true, "enrollment_id": row.name}}))
}

async fn list(
    State(site): State<Arc<Site>>,
    Path(doctype): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    asked: Request,
) -> Response {
    let call = match doctype.as_str() {
        "User" => Call::UserList,
        "LMS Course" => Call::CourseList,
        "LMS Enrollment" => Call::EnrolmentList,
        "LMS Batch Enrollment" => Call::BatchRowList,
        _ => Call::Other,
    };
    serve(&site, call, asked, move |store, asked| {
        if asked.guest {
            return Deed::Answer(forbidden());
        }
        let filters = query.get("filters").map_or("[]", String::as_str);
        let Some(filters) = Filters::parse(filters) else {
            return Deed::Answer(exception(417, "ValidationError", "Invalid filter"));
        };
        match store.documents(&doctype, &filters) {
            Some(rows) => ok(&json!({"data": page(&rows, &query)})),
            None => Deed::Answer(no_such_doctype(&doctype)),
        }
    })
    .await
}

/// The asked-for fields (`name` alone when none are) of the asked-for number of rows (20; 0 is all).
fn page(rows: &[Value], query: &HashMap<String, String>) -> Vec<Value> {
    let fields: Vec<String> = query
        .get("fields")
        .and_then(|fields| serde_json::from_str(fields).ok())
        .unwrap_or_else(|| vec!["name".to_owned()]);
    let length = query
        .get("limit_page_length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(20);
    let length = if length == 0 { usize::MAX } else { length };
    rows.iter()
        .take(length)
        .map(|row| {
            let some = fields
                .iter()
                .map(|field| (field.clone(), row[field].clone()));
            Value::Object(some.collect())
        })
        .collect()
}

async fn create(
    State(site): State<Arc<Site>>,
    Path(doctype): Path<String>,
    asked: Request,
) -> Response {
    let call = match doctype.as_str() {
        "User" => Call::UserCreate,
        "LMS Enrollment" => Call::EnrolmentCreate,
        "LMS Batch Enrollment" => Call::BatchJoin,
        _ => Call::Other,
    };
    let framework = site.options.framework;
    serve(&site, call, asked, move |store, asked| match call {
        _ if asked.guest => Deed::Answer(forbidden()),
        Call::UserCreate => create_user(store, &asked.body),
        Call::EnrolmentCreate => create_enrolment(store, asked, framework),
        Call::BatchJoin => join_batch(store, asked),
        _ => Deed::Answer(no_such_doctype(&doctype)),
    })
    .await
}

fn create_user(store: &mut Store, body: &Value) -> Deed {
    let email = text(body, "email");
    if !email.contains('@') {
        let words = format!("{email} is not a valid Email Address");
        return Deed::Answer(exception(417, "InvalidEmailAddressError", &words));
    }
    if store.user(email).is_some() {
        return Deed::Answer(duplicate_user(email));
    }
    let mut user = FakeUser::new(email, text(body, "first_name"), text(body, "last_name"));
    // The real one looks for a free user name in a loop that never ends when the name is empty.
    if !user.full_name().chars().any(char::is_alphanumeric) {
        return Deed::Hang;
    }
    user.welcomed = body["send_welcome_email"] != 0;
    let answer = ok(&json!({"data": user.json()}));
    store.put_user(user);
    answer
}

/// Source: the app's `lms_batch_enrollment.py`, `validate`.
fn join_batch(store: &mut Store, asked: &Asked) -> Deed {
    let (member, name) = (text(&asked.body, "member"), text(&asked.body, "batch"));
    let Some(batch) = store.batch(name).cloned() else {
        return Deed::Answer(unknown_link("Batch", name));
    };
    let rows = store.batch_rows.iter().filter(|row| row.course == name);
    let (taken, is_in) = rows.fold((0, false), |(taken, is_in), row| {
        (taken + 1, is_in || row.member.eq_ignore_ascii_case(member))
    });
    let refused = |words: &str| Deed::Answer(exception(417, "ValidationError", words));
    if is_in {
        return refused("Member already enrolled in this batch");
    }
    if batch.seats > 0 && taken >= batch.seats {
        return refused("There are no seats available in this batch.");
    }
    let row = store.join_batch(member, &batch);
    ok(&json!({"data": batch_row_json(&row)}))
}

fn create_enrolment(store: &mut Store, asked: &Asked, framework: Framework) -> Deed {
    let (member, course) = (text(&asked.body, "member"), text(&asked.body, "course"));
    if member.is_empty() {
        let words = "[LMS Enrollment, v1jj2ve4fm]: member";
        return Deed::Answer(exception(417, "MandatoryError", words));
    }
    let twin = asked.mischief == Some(Mischief::DuplicateRow);
    if asked.mischief == Some(Mischief::Ghost) {
        store.remove_user(member);
    }
    let sees_duplicates = framework == Framework::Current || asked.body.get("name").is_some();
    let enrolled = store.is_enrolled(member, course);
    if enrolled && sees_duplicates && !twin {
        return Deed::Answer(already_enrolled());
    }
    if store.course(course).is_none() {
        return Deed::Answer(unknown_link("Course", course));
    }
    if framework == Framework::Current && store.user(member).is_none() && asked.mischief.is_none() {
        return Deed::Answer(unknown_link("Member", member));
    }
    let row = store.put_enrolment(member, course);
    if twin && !enrolled {
        store.put_enrolment(member, course);
    }
    ok(&json!({"data": row.json()}))
}

async fn read(
    State(site): State<Arc<Site>>,
    Path((doctype, name)): Path<(String, String)>,
    asked: Request,
) -> Response {
    let call = match doctype.as_str() {
        "User" => Call::UserGet,
        "LMS Course" => Call::CourseGet,
        "LMS Enrollment" => Call::EnrolmentGet,
        _ => Call::Other,
    };
    serve(&site, call, asked, move |store, asked| {
        let found = match call {
            _ if asked.guest => return Deed::Answer(forbidden()),
            Call::UserGet if name == SERVICE_USER => Some(service_user()),
            Call::UserGet => store.user(&name).map(FakeUser::json),
            Call::CourseGet => store.course(&name),
            Call::EnrolmentGet => store.enrolment(&name).map(FakeEnrolment::json),
            _ => return Deed::Answer(no_such_doctype(&doctype)),
        };
        found.map_or_else(
            || Deed::Answer(absent(&doctype, &name)),
            |document| ok(&json!({"data": document})),
        )
    })
    .await
}

async fn delete(
    State(site): State<Arc<Site>>,
    Path((doctype, name)): Path<(String, String)>,
    asked: Request,
) -> Response {
    let call = match doctype.as_str() {
        "LMS Enrollment" => Call::EnrolmentDelete,
        "LMS Batch Enrollment" => Call::BatchLeave,
        "User" => Call::UserDelete,
        _ => Call::Other,
    };
    serve(&site, call, asked, move |store, asked| {
        let delete = match call {
            Call::BatchLeave => Store::delete_batch_row,
            Call::UserDelete => Store::delete_user,
            _ => Store::delete_enrolment,
        };
        if asked.guest || call == Call::Other {
            Deed::Answer(forbidden())
        } else if delete(store, &name) {
            Deed::Answer(Canned::json(202, &json!({"data": "ok"})))
        } else {
            Deed::Answer(absent(&doctype, &name))
        }
    })
    .await
}

/// A path that is not the API's is the website's.
async fn elsewhere(State(site): State<Arc<Site>>, asked: Request) -> Response {
    serve(&site, Call::Other, asked, |_, _| {
        Deed::Answer(Canned::page(404, "<h1>Page not found</h1>"))
    })
    .await
}

/// What a request did.
enum Deed {
    Answer(Canned),
    Hang,
}

/// What acting needs to know of a request.
struct Asked {
    body: Value,
    guest: bool,
    mischief: Option<Mischief>,
}

async fn serve(
    site: &Site,
    call: Call,
    request: Request,
    act: impl FnOnce(&mut Store, &Asked) -> Deed,
) -> Response {
    let begun = Instant::now();
    let response = answer(site, call, request, act).await;
    let spent = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    site.spent_micros.fetch_add(spent, Ordering::Relaxed);
    response
}

async fn answer(
    site: &Site,
    call: Call,
    request: Request,
    act: impl FnOnce(&mut Store, &Asked) -> Deed,
) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, LONGEST_BODY)
        .await
        .unwrap_or_default();
    let body = serde_json::from_slice::<Value>(&bytes).ok();
    site.with_store(|store| {
        store.note(Seen {
            call,
            method: parts.method.to_string(),
            target: parts.uri.to_string(),
            body: body.clone(),
        });
    });
    let mischief = site.with_plan(|plan| plan.next(call));
    delay(site, mischief.as_ref()).await;
    if let Some(canned) = mischief.as_ref().and_then(Mischief::instead) {
        return respond(canned);
    }
    match mischief {
        Some(Mischief::CutUndone) => return cut_off(&Canned::json(200, &json!({"data": []}))),
        Some(Mischief::Endless) => return endless(),
        _ => {}
    }
    let Ok(guest) = is_guest(site, call, &parts.headers) else {
        return respond(bad_credentials());
    };
    let asked = Asked {
        body: body.unwrap_or_default(),
        guest,
        mischief,
    };
    match site.with_store(|store| act(store, &asked)) {
        Deed::Hang => std::future::pending().await,
        Deed::Answer(canned) => match asked.mischief {
            Some(Mischief::HangAfterwards) => std::future::pending().await,
            Some(Mischief::CutAnswer) => cut_off(&canned),
            _ => respond(canned),
        },
    }
}

async fn delay(site: &Site, mischief: Option<&Mischief>) {
    if !site.options.latency.is_zero() {
        tokio::time::sleep(site.options.latency).await;
    }
    match mischief {
        Some(Mischief::Hang) => std::future::pending().await,
        Some(Mischief::Slow(time)) => tokio::time::sleep(*time).await,
        _ => {}
    }
}

/// No header makes a guest; a wrong one is refused, on every path.
fn is_guest(site: &Site, call: Call, headers: &HeaderMap) -> Result<bool, ()> {
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return Ok(true);
    };
    let options = &site.options;
    let pair = format!("{}:{}", options.api_key, options.api_secret);
    let basic = base64::engine::general_purpose::STANDARD.encode(&pair);
    let bearer = format!("Bearer {}", options.api_key);
    let shop_call = call == Call::Confirm && options.shop_method;
    let right = *given == format!("token {pair}")
        || *given == format!("Basic {basic}")
        || (shop_call && *given == bearer);
    right.then_some(false).ok_or(())
}

fn respond(canned: Canned) -> Response {
    let Canned {
        status,
        content_type,
        header,
        body,
    } = canned;
    built(status, &content_type, header, Body::from(body))
}

/// Half of the body, then the connection breaks.
fn cut_off(canned: &Canned) -> Response {
    let half = Bytes::copy_from_slice(&canned.body.as_bytes()[..canned.body.len() / 2]);
    let pieces = futures_util::stream::iter([Ok(half), Err(std::io::Error::other("cut off"))]);
    built(
        canned.status,
        &canned.content_type,
        None,
        Body::from_stream(pieces),
    )
}

/// Good JSON, as far as it goes.
fn endless() -> Response {
    let begun = futures_util::stream::iter([Bytes::from_static(b"{\"data\": [")]);
    let more = futures_util::stream::repeat(Bytes::from_static(&[b' '; 8192]));
    let body = begun.chain(more).map(Ok::<_, std::io::Error>);
    built(200, "application/json", None, Body::from_stream(body))
}

fn built(
    status: u16,
    content_type: &str,
    header: Option<(String, String)>,
    body: Body,
) -> Response {
    let mut response = Response::builder()
        .status(status)
        .header(header::SERVER, SERVER)
        .header(header::CONTENT_TYPE, content_type);
    if let Some((name, value)) = header {
        response = response.header(name, value);
    }
    response.body(body).unwrap_or_default()
}

fn ok(body: &Value) -> Deed {
    Deed::Answer(Canned::json(200, body))
}

fn absent(doctype: &str, name: &str) -> Canned {
    exception(
        404,
        "DoesNotExistError",
        &format!("{doctype} {name} not found"),
    )
}

fn no_such_doctype(doctype: &str) -> Canned {
    exception(
        404,
        "DoesNotExistError",
        &format!("DocType {doctype} not found"),
    )
}

fn text<'a>(body: &'a Value, field: &str) -> &'a str {
    body[field].as_str().unwrap_or_default()
}

//! A fake payOS: payment links in memory, with its signatures worked out apart from ours, its codes
//! in answers of HTTP 200, and the faults that the real one has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{API_KEY, CHECKSUM_KEY, CLIENT_ID, DOCUMENTED};

/// What it does wrong, or differently.
#[derive(Default)]
pub struct Mood {
    /// Makes or cancels the link, and answers the call with a proxy's page of this status.
    pub loses_answer: Option<u16>,
    /// Answers every call with this, before doing anything.
    pub says: Option<(u16, String)>,
    /// The seller's bank is not linked through payOS.
    pub is_unlinked: bool,
    /// Signs its answers with another key.
    pub signs_wrong: bool,
}

#[derive(Default)]
struct Inside {
    mood: Mood,
    links: BTreeMap<i64, Value>,
    requests: Vec<(String, Value)>,
}

type Shared = Arc<Mutex<Inside>>;

pub struct FakePayOs {
    pub url: String,
    inside: Shared,
    serving: JoinHandle<()>,
}

impl FakePayOs {
    pub async fn start() -> Self {
        let inside = Shared::default();
        let routes = Router::new()
            .route("/v2/payment-requests", post(create))
            .route("/v2/payment-requests/{id}", get(show))
            .route("/v2/payment-requests/{id}/cancel", post(cancel))
            .route("/confirm-webhook", post(confirm))
            .with_state(inside.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            url,
            inside,
            serving,
        }
    }

    pub fn mood(&self, mood: Mood) {
        self.inside.lock().unwrap().mood = mood;
    }

    /// Path and body of every call, in order.
    pub fn requests(&self) -> Vec<(String, Value)> {
        self.inside.lock().unwrap().requests.clone()
    }

    pub fn links(&self) -> usize {
        self.inside.lock().unwrap().links.len()
    }

    pub fn set_status(&self, order_code: &str, status: &str) {
        let mut inside = self.inside.lock().unwrap();
        let link = inside.links.get_mut(&order_code.parse().unwrap()).unwrap();
        link["status"] = json!(status);
    }

    /// A payer transfers so much; the link counts it.
    pub fn pay(&self, order_code: &str, dong: i64) {
        let mut inside = self.inside.lock().unwrap();
        let link = inside.links.get_mut(&order_code.parse().unwrap()).unwrap();
        let transactions = link["transactions"].as_array_mut().unwrap();
        let reference = format!("FT2400961402400{}", transactions.len());
        transactions.push(json!({
            "reference": reference, "amount": dong, "accountNumber": "0123499999",
            "description": "CSDHR4N2P", "transactionDateTime": "2024-01-09T17:20:21+07:00",
            "virtualAccountName": null, "virtualAccountNumber": null, "counterAccountBankId": null,
            "counterAccountBankName": null, "counterAccountName": null, "counterAccountNumber": null,
        }));
        let paid = link["amountPaid"].as_i64().unwrap() + dong;
        let owed = link["amount"].as_i64().unwrap();
        link["amountPaid"] = json!(paid);
        link["amountRemaining"] = json!((owed - paid).max(0));
        link["status"] = json!(if paid >= owed { "PAID" } else { "UNDERPAID" });
    }
}

impl Drop for FakePayOs {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn create(State(inside): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let mut inside = inside.lock().unwrap();
    if let Some(refusal) = admitted(&mut inside, &headers, "/v2/payment-requests", &body) {
        return refusal;
    }
    let [amount, cancel, description, code, back] = [
        "amount",
        "cancelUrl",
        "description",
        "orderCode",
        "returnUrl",
    ]
    .map(|name| text(&body[name]));
    let signed = format!(
        "amount={amount}&cancelUrl={cancel}&description={description}&orderCode={code}&returnUrl={back}"
    );
    let longest = if inside.mood.is_unlinked { 9 } else { 25 };
    if body["signature"] != hmac(CHECKSUM_KEY, &signed) {
        return refuse("201", "Mã kiểm tra(signature) không hợp lệ");
    }
    if description.chars().count() > longest {
        return refuse("20", &format!("Mô tả tối đa {longest} kí tự"));
    }
    let order_code = body["orderCode"].as_i64().unwrap();
    if inside.links.contains_key(&order_code) {
        return refuse("231", "Đơn thanh toán đã tồn tại");
    }
    let id = format!("{order_code:032x}");
    let link = json!({
        "id": id, "orderCode": order_code, "amount": body["amount"], "amountPaid": 0,
        "amountRemaining": body["amount"], "status": "PENDING", "transactions": [],
        "createdAt": "2024-01-09T17:19:45+07:00", "cancellationReason": null, "canceledAt": null,
    });
    inside.links.insert(order_code, link);
    let made = json!({
        "bin": "970422", "accountNumber": "0123499999", "accountName": "NGUYEN VAN A",
        "amount": body["amount"], "description": description, "orderCode": order_code,
        "currency": "VND", "paymentLinkId": id, "status": "PENDING", "expiredAt": body["expiredAt"],
        "checkoutUrl": format!("https://pay.payos.vn/web/{id}"), "qrCode": "00020101021238",
    });
    answer(&inside.mood, &made)
}

async fn show(
    State(inside): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let mut inside = inside.lock().unwrap();
    let path = format!("/v2/payment-requests/{id}");
    if let Some(refusal) = admitted(&mut inside, &headers, &path, &Value::Null) {
        return refusal;
    }
    match inside.links.get(&id.parse().unwrap()) {
        Some(link) => {
            let mood = Mood {
                signs_wrong: inside.mood.signs_wrong,
                ..Mood::default()
            };
            answer(&mood, link)
        }
        None => refuse("101", "Mã thanh toán không tồn tại"),
    }
}

async fn cancel(
    State(inside): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let mut inside = inside.lock().unwrap();
    let path = format!("/v2/payment-requests/{id}/cancel");
    if let Some(refusal) = admitted(&mut inside, &headers, &path, &body) {
        return refusal;
    }
    let Some(link) = inside.links.get_mut(&id.parse().unwrap()) else {
        return refuse("101", "Mã thanh toán không tồn tại");
    };
    if link["status"] != "PENDING" {
        return refuse("102", "Không thể hủy đơn thanh toán");
    }
    link["status"] = json!("CANCELLED");
    link["cancellationReason"] = body["cancellationReason"].clone();
    link["canceledAt"] = json!("2024-01-09T17:30:00+07:00");
    let link = link.clone();
    answer(&inside.mood, &link)
}

/// The real one calls https only; this one leaves the s away, and tells the test by the answer.
async fn confirm(
    State(inside): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if let Some(refusal) = admitted(
        &mut inside.lock().unwrap(),
        &headers,
        "/confirm-webhook",
        &body,
    ) {
        return refusal;
    }
    let address = body["webhookUrl"].as_str().unwrap();
    let address = address.replace("https://", "http://");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let tried = client.post(address).body(DOCUMENTED).send().await;
    match tried {
        Ok(answered) if answered.status().is_success() => Json(json!({
            "code": "00", "desc": "success", "data": { "webhookUrl": body["webhookUrl"] },
        }))
        .into_response(),
        _ => refuse("20", "Webhook url không hợp lệ"),
    }
}

/// Written down, and let in with the right keys.
fn admitted(
    inside: &mut Inside,
    headers: &HeaderMap,
    path: &str,
    body: &Value,
) -> Option<Response> {
    inside.requests.push((path.to_owned(), body.clone()));
    if let Some((status, body)) = &inside.mood.says {
        let status = StatusCode::from_u16(*status).unwrap();
        return Some((status, body.clone()).into_response());
    }
    let given =
        ["x-client-id", "x-api-key"].map(|name| headers.get(name).unwrap().to_str().unwrap());
    let is_known = given == [CLIENT_ID, API_KEY];
    (!is_known).then(|| refuse("214", "Cổng thanh toán không tồn tại hoặc đã tạm dừng"))
}

fn refuse(code: &str, desc: &str) -> Response {
    Json(json!({ "code": code, "desc": desc, "data": null, "signature": null })).into_response()
}

fn answer(mood: &Mood, data: &Value) -> Response {
    if let Some(status) = mood.loses_answer {
        let status = StatusCode::from_u16(status).unwrap();
        return (status, "<html>Bad gateway</html>").into_response();
    }
    let key = if mood.signs_wrong {
        "other"
    } else {
        CHECKSUM_KEY
    };
    let fields = data.as_object().unwrap().iter();
    let signed: Vec<String> = fields
        .map(|(name, value)| format!("{name}={}", text(value)))
        .collect();
    let signature = hmac(key, &signed.join("&"));
    Json(json!({ "code": "00", "desc": "success", "data": data, "signature": signature }))
        .into_response()
}

/// Fields are in order here: this map sorts them.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn hmac(key: &str, text: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    hex::encode(mac.chain_update(text).finalize().into_bytes())
}

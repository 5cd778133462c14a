//! check-status and the QR code: what anybody who saw the code may know.

use std::time::Duration;

use bursar::connectors::gateways::vietqr;
use serde_json::{Value, json};

use super::{assert_problem, code};
use crate::harness::server::{self, ACCOUNT, Server};

fn status_path(order: &Value) -> String {
    format!("/api/v1/payment/check-status/{}", code(order))
}

/// A stream of statuses, event by event.
struct Events {
    response: reqwest::Response,
    buffer: String,
}

impl Events {
    async fn open(server: &Server, order: &Value) -> Self {
        let request = server.request("GET", &status_path(order));
        let response = request
            .header("Accept", "text/event-stream")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            buffer: String::new(),
        }
    }

    /// The next event's object; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let data = event.strip_prefix("event: status\ndata: ").expect(event);
                let data = serde_json::from_str(data).unwrap();
                self.buffer = String::from(rest);
                return Some(data);
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn the_status_says_how_far_each_course_is_and_nothing_about_the_buyer() {
    server::each(async |server| {
        let order = server.order(&["rust", "photo"]).await;
        let before = server.get(&status_path(&order).replace("DH", "dh")).await;
        assert_eq!(before.status, 200, "{}", before.text);
        assert_eq!(before.headers["cache-control"], "no-store");
        assert_eq!(before.json["orderCode"], order["orderCode"]);
        assert_eq!(before.json["status"], "pending");
        assert_eq!(
            before.json["tasks"][1]["title"],
            "Nhiếp ảnh bằng điện thoại"
        );
        assert_eq!(before.json["tasks"][1]["status"], "pending");
        server.pay(&order, 900_000).await;
        assert_eq!(
            server.get(&status_path(&order)).await.json["status"],
            "processing"
        );
        server.drain().await;
        let after = server.get(&status_path(&order)).await;
        assert_eq!(after.json["status"], "completed", "{}", after.text);
        assert_eq!(after.json["paymentStatus"], "paid");
        let secret = order["statusUrl"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap();
        for private in ["an@example.com", "An\"", secret, "http"] {
            assert!(!after.text.contains(private), "{private} in {}", after.text);
        }
    })
    .await;
}

#[tokio::test]
async fn a_code_that_no_order_has_is_not_found() {
    server::each(async |server| {
        for code in ["DHAAAAAAAA", "nonsense", "DH%00", "%F0%9F%98%80"] {
            let path = format!("/api/v1/payment/check-status/{code}");
            assert_problem(&server.get(&path).await, 404, "not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_tells_each_change_and_ends_when_the_order_is_final() {
    server::each(async |server| {
        let order = server.order(&["photo"]).await;
        let mut events = Events::open(&server, &order).await;
        assert_eq!(events.next().await.unwrap()["status"], "pending");
        server.pay(&order, 399_000).await;
        assert_eq!(events.next().await.unwrap()["status"], "processing");
        server.drain().await;
        let mut last = Value::Null;
        while let Some(event) = events.next().await {
            last = event;
        }
        assert_eq!(last["status"], "completed");
        assert_eq!(last["tasks"][0]["status"], "completed");
        // Whoever comes later gets the final state and the end.
        let mut late = Events::open(&server, &order).await;
        assert_eq!(late.next().await.unwrap(), last);
        assert_eq!(late.next().await, None);
    })
    .await;
}

#[tokio::test]
async fn one_address_has_a_limited_number_of_streams() {
    server::each(async |server| {
        let order = server.order(&["photo"]).await;
        let mut open = Vec::new();
        for _ in 0..32 {
            open.push(Events::open(&server, &order).await);
        }
        let request = server.request("GET", &status_path(&order));
        let refused = server::answer(request.header("Accept", "text/event-stream")).await;
        assert_problem(&refused, 429, "rate_limited");
        assert_eq!(
            server.get(&status_path(&order)).await.status,
            200,
            "asking is free"
        );
    })
    .await;
}

#[tokio::test]
async fn a_stopping_server_ends_its_streams() {
    server::each(async |mut server| {
        let order = server.order(&["photo"]).await;
        let mut events = Events::open(&server, &order).await;
        assert!(events.next().await.is_some());
        server.stop().await.unwrap();
        assert_eq!(events.next().await, None);
    })
    .await;
}

async fn scanned(server: &Server, order: &Value) -> vietqr::Instruction {
    let path = format!("/api/v1/payment/qr/{}.png", code(order));
    let response = server.request("GET", &path).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "image/png");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let picture = image::load_from_memory(&response.bytes().await.unwrap())
        .unwrap()
        .to_luma8();
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(
        picture.width() as usize,
        picture.height() as usize,
        |x, y| picture.as_raw()[y * picture.width() as usize + x],
    );
    let (_, payload) = prepared.detect_grids()[0].decode().unwrap();
    vietqr::parse(&payload).unwrap()
}

#[tokio::test]
async fn the_qr_code_asks_for_what_is_still_missing() {
    server::each(async |server| {
        let order = server.order(&["rust"]).await;
        let asked = scanned(&server, &order).await;
        assert_eq!(asked.amount, Some(599_000));
        assert_eq!(asked.account, ACCOUNT);
        assert_eq!(asked.bin, "970436");
        assert_eq!(asked.memo.as_deref(), Some(code(&order)));
        server.pay(&order, 500_000).await;
        assert_eq!(scanned(&server, &order).await.amount, Some(99_000));
        let svg = server
            .get(&format!("/api/v1/payment/qr/{}.svg", code(&order)))
            .await;
        assert_eq!(svg.headers["content-type"], "image/svg+xml");
        assert!(svg.text.starts_with("<svg "));
    })
    .await;
}

#[tokio::test]
async fn there_is_no_qr_code_for_what_must_not_be_paid() {
    server::each(async |server| {
        let picture =
            |order: &Value, kind: &str| format!("/api/v1/payment/qr/{}.{kind}", code(order));
        let (paid, expired) = (server.order(&["rust"]).await, server.order(&["rust"]).await);
        server.pay(&paid, 599_000).await;
        server.wait(Duration::from_hours(25));
        server.sweep().await;
        assert_problem(
            &server.get(&picture(&paid, "svg")).await,
            409,
            "already_paid",
        );
        assert_problem(
            &server.get(&picture(&expired, "svg")).await,
            410,
            "payment_closed",
        );
        assert_problem(&server.get(&picture(&paid, "gif")).await, 404, "not_found");
        assert_problem(
            &server
                .get(&picture(&json!({"orderCode": "DHAAAAAAAA"}), "png"))
                .await,
            404,
            "not_found",
        );
    })
    .await;
}

//! A fake of SePay's API for a seller's own programs, both versions over real HTTP, as it is documented
//! (developer.sepay.vn): three requests a second for an address, counted before the token is looked
//! at; an empty 200 for a wrong token (v1); at most 5,000 items (v1) or 100 a page (v2). It misbehaves
//! as the real one may: transfers are listed late, new ones come between two pages, items of one
//! second change places, and a list without a promised order has none. Time is the clock it is given.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use bursar::clock::{Clock, Timestamp};
use bursar::config::{Secret, Sepay};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

mod lists;

pub const TOKEN: &str = "token-of-the-seller-0123456789";

/// A transfer as the bank booked it.
#[derive(Debug, Clone)]
pub struct Booking {
    pub account: String,
    pub sub_account: Option<String>,
    pub incoming: bool,
    pub dong: i64,
    pub reference: String,
    pub memo: String,
    pub code: Option<String>,
    pub booked_at: Timestamp,
    /// No list shows it before.
    pub listed_at: Timestamp,
    /// Webhooks that succeeded.
    pub heard: u32,
}

impl Booking {
    /// Money that came in, is listed at once, and that no webhook told of.
    pub fn incoming(account: &str, dong: i64, memo: &str, booked_at: Timestamp) -> Self {
        Self {
            account: account.to_owned(),
            sub_account: None,
            incoming: true,
            dong,
            reference: String::new(),
            memo: memo.to_owned(),
            code: None,
            booked_at,
            listed_at: booked_at,
            heard: 0,
        }
    }

    pub fn reference(self, reference: &str) -> Self {
        let reference = reference.to_owned();
        Self { reference, ..self }
    }
}

/// What v1's list begins with, which nobody promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    #[default]
    NewestIds,
    OldestIds,
    LatestBooked,
}

/// A request, as it was answered.
#[derive(Debug, Clone)]
pub struct Asked {
    pub at: Timestamp,
    /// Path and query.
    pub target: String,
    pub status: u16,
}

/// An answer in place of the right one.
#[derive(Debug, Clone)]
pub struct Canned {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Canned {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        let body = body.into();
        Self {
            status,
            headers,
            body,
        }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

pub struct FakeSepay {
    address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
    server: JoinHandle<()>,
}

/// What it knows.
pub struct Shelf {
    clock: Clock,
    bookings: Vec<Booking>,
    accounts: Vec<(String, bool)>,
    order: Order,
    ties_move: bool,
    arriving: VecDeque<Booking>,
    canned: VecDeque<Canned>,
    fails_every: Option<usize>,
    asked: Vec<Asked>,
}

impl FakeSepay {
    pub async fn start(clock: &Clock) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shelf = Arc::new(Mutex::new(Shelf {
            clock: clock.clone(),
            bookings: Vec::new(),
            accounts: Vec::new(),
            order: Order::default(),
            ties_move: false,
            arriving: VecDeque::new(),
            canned: VecDeque::new(),
            fails_every: None,
            asked: Vec::new(),
        }));
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shelf));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            shelf,
            server,
        }
    }

    /// Settings that lead here: `v1` or `v2`.
    pub fn settings(&self, version: &str) -> Sepay {
        let path = if version == "v1" { "userapi" } else { "v2" };
        Sepay {
            api_token: Some(Secret::new(TOKEN)),
            api_version: version.to_owned(),
            api_url: format!("http://{}/{path}", self.address),
            ..Sepay::default()
        }
    }

    /// The id that its webhook and v1 have for it.
    pub fn book(&self, booking: Booking) -> i64 {
        let mut known = self.known();
        known.bookings.push(booking);
        Shelf::id(known.bookings.len() - 1)
    }

    /// The body of the webhook about it.
    pub fn webhook(&self, id: i64) -> Value {
        let known = self.known();
        let place = (0..known.bookings.len()).find(|place| Shelf::id(*place) == id);
        lists::webhook(id, &known.bookings[place.unwrap()])
    }

    /// Its id in v2.
    pub fn uuid(id: i64) -> String {
        lists::uuid(id)
    }

    pub fn watch(&self, account: &str, is_active: bool) {
        self.known().accounts.push((account.to_owned(), is_active));
    }

    pub fn order(&self, order: Order) {
        self.known().order = order;
    }

    /// Items of the same second come in another order in each answer.
    pub fn ties_move(&self) {
        self.known().ties_move = true;
    }

    /// One of these is booked with each request, before it is answered.
    pub fn arriving(&self, bookings: impl IntoIterator<Item = Booking>) {
        self.known().arriving.extend(bookings);
    }

    /// The next request gets this.
    pub fn instead(&self, canned: Canned) {
        self.known().canned.push_back(canned);
    }

    /// Every so manieth request is answered with an error.
    pub fn fail_every(&self, count: usize) {
        self.known().fails_every = Some(count);
    }

    /// How many transfers it knows.
    pub fn booked(&self) -> usize {
        self.known().bookings.len()
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.known().asked.clone()
    }

    fn known(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap()
    }
}

impl Drop for FakeSepay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shelf {
    fn id(place: usize) -> i64 {
        90_000 + i64::try_from(place).unwrap()
    }

    /// The third request of a second is the last one answered.
    fn is_too_fast(&self, now: Timestamp) -> bool {
        let second_ago = now.minus(Duration::from_millis(999));
        let recent = self
            .asked
            .iter()
            .rev()
            .take_while(|asked| asked.at >= second_ago);
        recent.filter(|asked| asked.status != 429).count() >= 3
    }

    fn serve(&mut self, target: &str, authorization: &str) -> Canned {
        let now = self.clock.now();
        if self.is_too_fast(now) {
            return Canned::new(429, r#"{"status":"error","message":"Too Many Requests"}"#)
                .header("retry-after", "1")
                .header("x-sepay-userapi-retry-after", "1");
        }
        if let Some(canned) = self.canned.pop_front() {
            return canned;
        }
        let turn = self.asked.len() + 1;
        if self
            .fails_every
            .is_some_and(|every| turn.is_multiple_of(every))
        {
            return Canned::new(502, "Bad Gateway");
        }
        if let Some(booking) = self.arriving.pop_front() {
            self.bookings.push(booking);
        }
        let is_known = authorization == format!("Bearer {TOKEN}");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match path {
            path if path.starts_with("/userapi/") && !is_known => Canned::new(200, ""),
            path if path.starts_with("/v2/") && !is_known => {
                let body = json!({"status": "error", "message": "Unauthorized"});
                Canned::new(401, body.to_string())
            }
            "/userapi/transactions/list" => lists::v1_transactions(self, query),
            "/userapi/bankaccounts/list" => lists::v1_accounts(self),
            "/v2/transactions" => lists::v2_transactions(self, query),
            "/v2/bank-accounts" => lists::v2_accounts(self),
            _ => Canned::new(404, r#"{"status":"error","message":"Not Found"}"#),
        }
    }
}

async fn answer(State(shelf): State<Arc<Mutex<Shelf>>>, request: Request) -> Response<Body> {
    let target = request.uri().path_and_query().unwrap().to_string();
    let authorization = request.headers().get("authorization");
    let authorization = authorization.map_or("", |value| value.to_str().unwrap());
    let mut shelf = shelf.lock().unwrap();
    let canned = shelf.serve(&target, authorization);
    let at = shelf.clock.now();
    shelf.asked.push(Asked {
        at,
        target,
        status: canned.status,
    });
    let mut response = Response::builder().status(canned.status);
    for (name, value) in &canned.headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(canned.body)).unwrap()
}

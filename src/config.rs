//! Settings: TOML file, then environment, then checked as a whole. The shapes are here; reading and
//! checking them is in `config/`. `bursar.example.toml` is the manual, and a test holds it to these defaults.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, de};

mod check;
mod defaults;
mod downloads;
mod drive;
mod environment;
mod fault;
mod openedx;
mod platforms;
mod read;
mod rules;
mod scim;
mod stores;
mod tree;

pub use downloads::{Downloads, Stamp, Unstampable};
pub use drive::Drive;
pub use environment::process_environment;
pub use fault::{ConfigFault, Place};
pub use openedx::OpenEdx;
pub use platforms::{Canvas, Moodle};
pub use scim::Scim;
pub use stores::{Content, RcloneOptions, StoreConnection};

/// A value that never prints itself. Compare with [`Secret::matches`], which takes constant time.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wrap a secret text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; for the moment of use only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Constant-time comparison with what a caller presented.
    #[must_use]
    pub fn matches(&self, presented: &[u8]) -> bool {
        use subtle::ConstantTimeEq;
        self.0.as_bytes().ct_eq(presented).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// By hand: the derived one would quote a value of the wrong type in its error.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)
            .map(Self)
            .map_err(|_| de::Error::custom("expected a string"))
    }
}

/// How strict the start is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything outside is faked and labelled so; "simulate the transfer" exists. Set by `bursar demo` only.
    Demo,
    /// Folder mailbox and plain http are allowed.
    Development,
    /// Mail server, public https address and gateway secrets are required.
    #[default]
    Production,
}

/// All settings.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How strict the start is.
    pub mode: Mode,
    /// `sqlite:PATH` or `postgres://…`.
    pub database: String,
    /// Address the server listens on.
    pub listen: SocketAddr,
    /// Where buyers reach it, without a slash at the end.
    pub public_url: String,
    /// The shop.
    pub shop: Shop,
    /// Money.
    pub payments: Payments,
    /// Connections to learning platforms, by the name the catalogue uses.
    pub lms: BTreeMap<String, LmsConnection>,
    /// Folders with course files, by the name the catalogue uses.
    pub sources: BTreeMap<String, SourceFolder>,
    /// Other places that hold files, by the same names.
    pub stores: BTreeMap<String, StoreConnection>,
    /// Where published versions are kept.
    pub content: Content,
    /// Google Drives that files are delivered to, by the name the catalogue uses.
    pub drives: BTreeMap<String, Drive>,
    /// The built-in download server.
    pub downloads: Downloads,
    /// Outgoing e-mail.
    pub mail: Mail,
    /// The task queue.
    pub queue: Queue,
    /// Policies of fulfilment.
    pub fulfilment: Fulfilment,
    /// The seller's own delivery workers.
    pub worker: Worker,
    /// Limits against abuse.
    pub limits: Limits,
}

impl Config {
    /// Read the file (`path`, else the one that `BURSAR_CONFIG` names, else `./bursar.toml` if there
    /// is one), lay the environment over it, check the whole. On failure every fault is listed.
    pub fn load(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<ConfigFault>> {
        read::load(path, environment)
    }

    /// The rules alone, for settings that the program made itself (the demo, tests).
    #[must_use]
    pub fn faults(&self) -> Vec<ConfigFault> {
        read::faults_of(self)
    }
}

/// The database's password hides as secrets do.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mode,
            database,
            listen,
            public_url,
            shop,
            payments,
            lms,
            sources,
            stores,
            content,
            drives,
            downloads,
            mail,
            queue,
            fulfilment,
            worker,
            limits,
        } = self;
        f.debug_struct("Config")
            .field("mode", mode)
            .field("database", &without_password(database))
            .field("listen", listen)
            .field("public_url", public_url)
            .field("shop", shop)
            .field("payments", payments)
            .field("lms", lms)
            .field("sources", sources)
            .field("stores", stores)
            .field("content", content)
            .field("drives", drives)
            .field("downloads", downloads)
            .field("mail", mail)
            .field("queue", queue)
            .field("fulfilment", fulfilment)
            .field("worker", worker)
            .field("limits", limits)
            .finish()
    }
}

/// An address as it may be shown: no password, no parameters (they may hold one too).
#[must_use]
pub fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let place = rest.split('?').next().unwrap_or_default();
    match place.rsplit_once('@') {
        Some((who, host)) => {
            let user = who.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:***@{host}")
        }
        None => format!("{scheme}://{place}"),
    }
}

/// The shop as buyers see it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shop {
    /// Name on pages and in e-mails.
    pub name: String,
    /// Where buyers ask for help; shown on pages and in e-mails.
    pub support_email: String,
    /// `vi` or `en`: when the buyer asked for none.
    pub locale: String,
    /// 2 to 5 capital letters before every order code.
    pub code_prefix: String,
    /// Minutes east of Greenwich for times that people read; Vietnam is 420.
    pub utc_offset_minutes: i32,
    /// Folder with the pictures that the catalogue names as paths. Unset: they are not shown.
    pub covers: Option<PathBuf>,
}

/// Money settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Payments {
    /// Dong by which a transfer may fall short and still pay the order.
    pub tolerance: i64,
    /// Hours until an unpaid order expires.
    pub order_ttl_hours: u32,
    /// The seller's bank accounts; the first is shown to buyers.
    pub accounts: Vec<BankAccount>,
    /// What a refund of a part of an order's money does to access, where it names no course.
    pub partial_refund: PartialRefund,
    /// The gateway that reports bank transfers.
    pub sepay: Sepay,
    /// The gateway for cards.
    pub stripe: Stripe,
    /// A gateway for bank transfers with its own payment pages.
    pub payos: Payos,
}

/// What happens to access when part of the money went back and nobody said for which course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum PartialRefund {
    /// Nothing: it was a concession.
    #[default]
    Keep,
    /// All access of the order ends.
    Revoke,
}

/// A bank account of the seller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct BankAccount {
    /// NAPAS BIN, six digits, or a bank's short name from the built-in table.
    pub bank: String,
    /// Account or virtual account number, as text.
    pub number: String,
    /// Account holder as the bank writes it.
    pub holder: String,
}

/// The gateway that reports bank transfers; either secret is enough.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sepay {
    /// `Authorization: Apikey …`.
    pub api_key: Option<Secret>,
    /// Key of `X-SePay-Signature`.
    pub hmac_secret: Option<Secret>,
    /// Seconds after which a signed message counts as stale (accepted and noted).
    pub window_seconds: i64,
    /// Token of the API that lists transactions. Unset: transfers that no webhook told of are not found.
    pub api_token: Option<Secret>,
    /// Which of the two APIs: `v1` or `v2`.
    pub api_version: String,
    /// Where the API is; empty is its usual address.
    pub api_url: String,
}

/// The gateway for cards.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Stripe {
    /// Secret key of the API. Unset: no card is offered.
    pub secret_key: Option<Secret>,
    /// Signing secret of the webhook endpoint.
    pub webhook_secret: Option<Secret>,
    /// The secret before it, while it is being changed.
    pub previous_webhook_secret: Option<Secret>,
    /// Where the API is; empty is its usual address.
    pub api_url: String,
}

/// A gateway for bank transfers with its own payment pages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Payos {
    /// Which client. Unset: it is not offered.
    pub client_id: Option<Secret>,
    /// Key of the API.
    pub api_key: Option<Secret>,
    /// Key of the signatures, in both directions.
    pub checksum_key: Option<Secret>,
    /// Where the API is; empty is its usual address.
    pub api_url: String,
}

/// One learning platform.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LmsConnection {
    /// Which connector: `frappe`, `moodle`, `canvas`, `scim`, `openedx`, `http_confirm`, `fake`.
    pub kind: String,
    /// `https://site`, no slash at the end.
    pub base_url: String,
    /// Frappe: the API key of the service user. Moodle, Canvas: its token, where their section has none.
    pub api_key: Option<Secret>,
    /// Frappe: its API secret.
    pub api_secret: Option<Secret>,
    /// Let the platform mail a new learner a password, or a link to choose one.
    pub send_welcome_email: bool,
    /// How many calls may run at once.
    pub concurrency: usize,
    /// Settings of the `frappe` kind.
    pub frappe: FrappeOptions,
    /// Settings of the `http_confirm` kind.
    pub confirm: Option<HttpConfirm>,
    /// Settings of the `scim` kind.
    pub scim: Option<Scim>,
    /// Settings of the `openedx` kind.
    pub openedx: Option<OpenEdx>,
    /// Settings of the `moodle` kind.
    pub moodle: Option<Moodle>,
    /// Settings of the `canvas` kind.
    pub canvas: Option<Canvas>,
}

/// A password in the address is refused at start, and not shown before.
impl fmt::Debug for LmsConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LmsConnection")
            .field("kind", &self.kind)
            .field("base_url", &without_password(&self.base_url))
            .field("api_key", &self.api_key)
            .field("api_secret", &self.api_secret)
            .field("send_welcome_email", &self.send_welcome_email)
            .field("concurrency", &self.concurrency)
            .field("frappe", &self.frappe)
            .field("confirm", &self.confirm)
            .field("scim", &self.scim)
            .field("openedx", &self.openedx)
            .field("moodle", &self.moodle)
            .field("canvas", &self.canvas)
            .finish()
    }
}

/// What only the `frappe` kind has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FrappeOptions {
    /// Taking back an enrolment deletes its progress: `ask` the seller where there is some, or `remove`.
    pub withdraw: String,
}

/// A shop-made endpoint that confirms an enrolment.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfirm {
    /// Full URL of the POST.
    pub url: String,
    /// `none`, `token`, `bearer` or `basic`.
    pub auth: String,
    /// The credential for `auth`.
    pub credential: Option<Secret>,
    /// JSON body; `{{email}}`, `{{name}}`, `{{course}}`, `{{order}}`, `{{key}}` are filled in, JSON-escaped.
    pub body: String,
    /// JSON pointer and value that mean success, e.g. `/message/success = true`.
    pub success: String,
    /// JSON pointer and text contained there that mean "was already enrolled".
    pub already: Option<String>,
    /// The endpoint may be called again after an unknown answer.
    pub repeat_is_safe: bool,
}

/// Shops put keys into the address or the body of such endpoints: neither is shown.
impl fmt::Debug for HttpConfirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConfirm")
            .field("url", &without_password(&self.url))
            .field("auth", &self.auth)
            .field("credential", &self.credential)
            .field("success", &self.success)
            .field("already", &self.already)
            .field("repeat_is_safe", &self.repeat_is_safe)
            .finish_non_exhaustive()
    }
}

/// A folder with course files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct SourceFolder {
    /// Where it is.
    pub path: PathBuf,
}

/// Outgoing e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// `folder` or `smtp`.
    pub transport: String,
    /// Folder: where the `.eml` files go.
    pub folder: PathBuf,
    /// `Name <address>`.
    pub from: String,
    /// SMTP host.
    pub host: String,
    /// SMTP port.
    pub port: u16,
    /// `starttls`, `tls` or `none` (development only).
    pub security: String,
    /// SMTP user.
    pub user: String,
    /// SMTP password.
    pub password: Option<Secret>,
}

/// The task queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Queue {
    /// Tasks worked on at once in this process; 0 means this process runs none.
    pub slots: usize,
    /// Seconds a lease lasts without a heartbeat.
    pub lease_seconds: u32,
    /// Seconds between fallback looks for ready tasks.
    pub poll_seconds: u32,
}

/// Policies of fulfilment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fulfilment {
    /// Hours after which a grant that could not be kept fails its line.
    pub give_up_after_hours: u32,
}

/// The seller's own delivery workers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Worker {
    /// Key of `X-Signature`. Unset: the worker calls are off.
    pub secret: Option<Secret>,
    /// Accept the older form with `secret_key` in the body.
    pub accept_secret_in_body: bool,
}

/// Limits against abuse.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Orders one address may create in a minute.
    pub orders_per_minute: u32,
    /// Failed authentications, and coupons that do not exist, one address may name in a minute.
    pub failures_per_minute: u32,
    /// Courses in one order.
    pub courses_per_order: usize,
    /// Take the caller's address from the last `X-Forwarded-For` entry: only behind a proxy of yours.
    pub behind_proxy: bool,
}

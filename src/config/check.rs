//! What types cannot hold, setting by setting: ranges, shapes, what a mode demands. Looks at values
//! only: no file, no network; `bursar doctor` tries those.

use lettre::Address;
use lettre::message::Mailbox;

use super::rules::{Finding, Rules};
use super::{
    BankAccount, Config, Downloads, Fulfilment, HttpConfirm, Limits, LmsConnection, Mail, Mode,
    Payments, Payos, Queue, Sepay, Shop, Stripe, Worker,
};
use crate::words::Locale;

const FRAPPE_WITHDRAW: [&str; 2] = ["ask", "remove"];
const LMS_KINDS: [&str; 7] = [
    "frappe",
    "moodle",
    "canvas",
    "scim",
    "openedx",
    "http_confirm",
    "fake",
];
const CONFIRM_AUTH: [&str; 4] = ["none", "token", "bearer", "basic"];

/// Every broken rule, in the order of the example file.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut rules = Rules {
        production: config.mode == Mode::Production,
        found: Vec::new(),
    };
    rules.server(config);
    rules.shop(&config.shop);
    rules.payments(&config.payments);
    for (name, connection) in &config.lms {
        rules.name("lms", name);
        rules.lms(&format!("lms.{name}"), connection);
    }
    rules.stores(config);
    for (name, drive) in &config.drives {
        rules.name("drives", name);
        rules.drive(&format!("drives.{name}"), drive);
    }
    rules.downloads(&config.downloads);
    rules.mail(&config.mail);
    rules.queue(&config.queue);
    rules.fulfilment(&config.fulfilment);
    rules.worker(&config.worker);
    rules.limits(&config.limits);
    rules.found
}

impl Rules {
    fn server(&mut self, config: &Config) {
        let known = ["sqlite:", "postgres://", "postgresql://"];
        let rest = known.iter().find_map(|s| config.database.strip_prefix(s));
        if rest.is_none_or(str::is_empty) {
            self.say(
                "database",
                "is neither sqlite: with a path nor postgres:// with a host",
                "Write sqlite:bursar.db or postgres://user:password@host/name",
            );
        }
        self.address("public_url", &config.public_url);
        if self.production && config.public_url.starts_with("http://") {
            self.say(
                "public_url",
                "is plain http, so links to paid courses could be read on the way",
                "Give the https:// address at which buyers reach this server",
            );
        }
    }

    fn shop(&mut self, shop: &Shop) {
        self.line("shop.name", &shop.name, 100);
        self.mailbox("shop.support_email", &shop.support_email, |text| {
            text.parse::<Address>().is_ok()
        });
        let tags = Locale::ALL.map(Locale::tag);
        self.one_of("shop.locale", &shop.locale, &tags);
        let letters = shop.code_prefix.bytes().all(|b| b.is_ascii_uppercase());
        if !letters || !(2..=5).contains(&shop.code_prefix.len()) {
            self.say(
                "shop.code_prefix",
                "is not 2 to 5 capital letters A to Z",
                "Choose letters that banks leave alone, such as DH",
            );
        }
        self.range(
            "shop.utc_offset_minutes",
            shop.utc_offset_minutes,
            -720..=840,
        );
        if let Some(covers) = &shop.covers {
            self.given("shop.covers", &covers.to_string_lossy());
        }
    }

    fn payments(&mut self, payments: &Payments) {
        self.range("payments.tolerance", payments.tolerance, 0..=100_000);
        self.range(
            "payments.order_ttl_hours",
            payments.order_ttl_hours,
            1..=720,
        );
        if self.production && by_bank_transfer(payments) && payments.accounts.is_empty() {
            self.say(
                "payments.accounts",
                "names no bank account, so buyers could not pay",
                "Add a [[payments.accounts]] block with bank, number and holder",
            );
        }
        for (place, account) in payments.accounts.iter().enumerate() {
            self.account(&format!("payments.accounts.{place}"), account);
        }
        self.sepay(&payments.sepay, by_bank_transfer(payments));
        self.stripe(&payments.stripe);
        self.payos(&payments.payos);
    }

    fn sepay(&mut self, sepay: &Sepay, is_wanted: bool) {
        self.secret("payments.sepay.api_key", sepay.api_key.as_ref(), 8);
        self.secret("payments.sepay.hmac_secret", sepay.hmac_secret.as_ref(), 8);
        let is_mute = sepay.api_key.is_none() && sepay.hmac_secret.is_none();
        if self.production && is_wanted && is_mute {
            self.say(
                "payments.sepay.api_key",
                "is missing, and so is hmac_secret: nobody could prove a payment",
                "Set one of them to what SePay shows for your webhook (or SEPAY_API_KEY)",
            );
        }
        self.range(
            "payments.sepay.window_seconds",
            sepay.window_seconds,
            30..=86_400,
        );
        self.secret("payments.sepay.api_token", sepay.api_token.as_ref(), 8);
        self.one_of(
            "payments.sepay.api_version",
            &sepay.api_version,
            &["v1", "v2"],
        );
        self.optional_address("payments.sepay.api_url", &sepay.api_url);
    }

    fn stripe(&mut self, stripe: &Stripe) {
        self.secret("payments.stripe.secret_key", stripe.secret_key.as_ref(), 8);
        for (name, secret) in [
            ("webhook_secret", &stripe.webhook_secret),
            ("previous_webhook_secret", &stripe.previous_webhook_secret),
        ] {
            self.secret(&format!("payments.stripe.{name}"), secret.as_ref(), 8);
        }
        if stripe.secret_key.is_some() && stripe.webhook_secret.is_none() {
            self.say(
                "payments.stripe.webhook_secret",
                "is missing, so nobody could prove that a card was charged",
                "Set it to the signing secret (whsec_…) of the endpoint that docs/connect-stripe.md describes",
            );
        }
        self.optional_address("payments.stripe.api_url", &stripe.api_url);
    }

    fn payos(&mut self, payos: &Payos) {
        self.secret("payments.payos.client_id", payos.client_id.as_ref(), 8);
        self.secret("payments.payos.api_key", payos.api_key.as_ref(), 8);
        self.secret(
            "payments.payos.checksum_key",
            payos.checksum_key.as_ref(),
            8,
        );
        let given = [
            payos.client_id.is_some(),
            payos.api_key.is_some(),
            payos.checksum_key.is_some(),
        ];
        if given.contains(&true) && given.contains(&false) {
            self.say(
                "payments.payos.client_id",
                "and api_key and checksum_key belong together, and one of them is missing",
                "Set all three, or none",
            );
        }
        self.optional_address("payments.payos.api_url", &payos.api_url);
    }

    pub(super) fn optional_address(&mut self, at: &str, address: &str) {
        if !address.is_empty() {
            self.address(at, address);
        }
    }

    fn account(&mut self, at: &str, account: &BankAccount) {
        self.line(&format!("{at}.bank"), &account.bank, 60);
        self.line(&format!("{at}.holder"), &account.holder, 100);
        let plain = account.number.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain || !(4..=24).contains(&account.number.len()) {
            self.say(
                &format!("{at}.number"),
                "is not an account number of 4 to 24 digits or letters",
                "Write it in quotes, without spaces, with its leading zeros",
            );
        }
    }

    fn lms(&mut self, at: &str, connection: &LmsConnection) {
        self.one_of(&format!("{at}.kind"), &connection.kind, &LMS_KINDS);
        self.range(&format!("{at}.concurrency"), connection.concurrency, 1..=32);
        match connection.kind.as_str() {
            "frappe" => {
                self.address(&format!("{at}.base_url"), &connection.base_url);
                self.required(&format!("{at}.api_key"), connection.api_key.as_ref());
                self.required(&format!("{at}.api_secret"), connection.api_secret.as_ref());
                let withdraw = &connection.frappe.withdraw;
                self.one_of(&format!("{at}.frappe.withdraw"), withdraw, &FRAPPE_WITHDRAW);
            }
            "scim" => self.scim(at, connection),
            "openedx" => self.openedx(at, connection),
            "moodle" => {
                self.address(&format!("{at}.base_url"), &connection.base_url);
                self.moodle(at, connection);
            }
            "canvas" => {
                self.address(&format!("{at}.base_url"), &connection.base_url);
                self.canvas(at, connection);
            }
            "http_confirm" => self.confirm(&format!("{at}.confirm"), connection.confirm.as_ref()),
            "fake" if self.production => self.say(
                &format!("{at}.kind"),
                "is fake: it only pretends to enrol",
                "Name the real platform, or set mode to development",
            ),
            _ => {}
        }
    }

    fn confirm(&mut self, at: &str, confirm: Option<&HttpConfirm>) {
        let Some(confirm) = confirm else {
            let section = format!("Add a [{at}] section with url, body and success");
            return self.say(at, "is missing; the kind http_confirm needs it", section);
        };
        self.address(&format!("{at}.url"), &confirm.url);
        self.one_of(&format!("{at}.auth"), &confirm.auth, &CONFIRM_AUTH);
        if confirm.auth != "none" {
            self.required(&format!("{at}.credential"), confirm.credential.as_ref());
        }
        self.given(&format!("{at}.body"), &confirm.body);
        let tests = [
            ("success", Some(&confirm.success)),
            ("already", confirm.already.as_ref()),
        ];
        for (name, test) in tests {
            if test.is_some_and(|test| !test.starts_with('/')) {
                self.say(
                    &format!("{at}.{name}"),
                    "does not begin with a JSON pointer",
                    "Write a pointer and a value, such as /message/success = true",
                );
            }
        }
    }

    fn downloads(&mut self, downloads: &Downloads) {
        self.secret("downloads.signing_key", downloads.signing_key.as_ref(), 32);
        self.secret(
            "downloads.previous_key",
            downloads.previous_key.as_ref(),
            32,
        );
        for (name, value, allowed) in [
            ("link_hours", downloads.link_hours, 1..=168),
            (
                "kilobytes_per_second",
                downloads.kilobytes_per_second,
                0..=10_000_000,
            ),
            (
                "connections_per_link",
                downloads.connections_per_link,
                1..=1000,
            ),
            (
                "connections_per_address",
                downloads.connections_per_address,
                1..=10_000,
            ),
            ("budget", downloads.budget, 0..=1000),
            (
                "gigabytes_per_address",
                downloads.gigabytes_per_address,
                0..=1_000_000,
            ),
            (
                "stamp.cache_megabytes",
                downloads.stamp.cache_megabytes,
                1..=1_000_000,
            ),
            (
                "stamp.limit_megabytes",
                downloads.stamp.limit_megabytes,
                1..=1000,
            ),
        ] {
            self.range(&format!("downloads.{name}"), value, allowed);
        }
        let folder = downloads.stamp.folder.to_string_lossy();
        self.given("downloads.stamp.folder", &folder);
        let prefix = &downloads.accel_prefix;
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
        let is_path = prefix.starts_with('/') && prefix.chars().all(plain);
        if !prefix.is_empty() && !is_path {
            self.say(
                "downloads.accel_prefix",
                "is not the path of an internal location",
                "Write it as /protected, the same as in the web server's settings",
            );
        }
    }

    fn mail(&mut self, mail: &Mail) {
        self.one_of("mail.transport", &mail.transport, &["smtp", "folder"]);
        self.mailbox("mail.from", &mail.from, |text| {
            text.parse::<Mailbox>().is_ok()
        });
        match mail.transport.as_str() {
            "smtp" => self.smtp(mail),
            "folder" if self.production => self.say(
                "mail.transport",
                "is folder, so no e-mail would ever leave this machine",
                "Set it to smtp and give host, user and password (or EMAIL_USER, EMAIL_PASSWORD)",
            ),
            "folder" => self.given("mail.folder", &mail.folder.to_string_lossy()),
            _ => {}
        }
    }

    fn smtp(&mut self, mail: &Mail) {
        self.line("mail.host", &mail.host, 253);
        self.range("mail.port", mail.port, 1..=u16::MAX);
        self.one_of(
            "mail.security",
            &mail.security,
            &["starttls", "tls", "none"],
        );
        if mail.security == "none" && (self.production || !mail.user.is_empty()) {
            self.say(
                "mail.security",
                "is none, so the password and your buyers' links would travel in the clear",
                "Use starttls (port 587) or tls (port 465)",
            );
        }
        match (&mail.password, mail.user.is_empty()) {
            (None, false) => self.say(
                "mail.password",
                "is missing while mail.user is set",
                "Set both or neither; Gmail wants an app password",
            ),
            (Some(_), true) => self.say(
                "mail.user",
                "is missing while mail.password is set",
                "Set both or neither",
            ),
            _ => {}
        }
    }

    fn queue(&mut self, queue: &Queue) {
        self.range("queue.slots", queue.slots, 0..=1024);
        self.range("queue.lease_seconds", queue.lease_seconds, 10..=3600);
        self.range("queue.poll_seconds", queue.poll_seconds, 1..=300);
    }

    fn fulfilment(&mut self, fulfilment: &Fulfilment) {
        let hours = fulfilment.give_up_after_hours;
        self.range("fulfilment.give_up_after_hours", hours, 1..=720);
    }

    fn worker(&mut self, worker: &Worker) {
        self.secret("worker.secret", worker.secret.as_ref(), 16);
        if worker.accept_secret_in_body && worker.secret.is_none() {
            self.say(
                "worker.accept_secret_in_body",
                "is true while worker.secret is not set",
                "Set worker.secret (or API_SECRET_KEY), or leave both out",
            );
        }
    }

    fn limits(&mut self, limits: &Limits) {
        self.range(
            "limits.orders_per_minute",
            limits.orders_per_minute,
            1..=100_000,
        );
        self.range(
            "limits.failures_per_minute",
            limits.failures_per_minute,
            1..=100_000,
        );
        self.range(
            "limits.courses_per_order",
            limits.courses_per_order,
            1..=200,
        );
    }
}

/// Buyers are to pay by transfer to an account of the seller: something of it is set, or no other
/// gateway is.
fn by_bank_transfer(payments: &Payments) -> bool {
    let (sepay, stripe, payos) = (&payments.sepay, &payments.stripe, &payments.payos);
    let is_begun = !payments.accounts.is_empty()
        || [&sepay.api_key, &sepay.hmac_secret, &sepay.api_token]
            .into_iter()
            .any(Option::is_some);
    is_begun || (stripe.secret_key.is_none() && payos.client_id.is_none())
}

//! Checkout sessions: made with the checks that Stripe documents, paid, ended.

use serde_json::{Value, json};

use super::answers::{Canned, absent, forbidden_now, invalid, ok};
use super::form::Form;
use super::store::{Store, texts};

const KNOWN: &[&str] = &[
    "adaptive_pricing",
    "cancel_url",
    "client_reference_id",
    "customer_email",
    "expand",
    "expires_at",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "payment_intent_data",
    "payment_method_types",
    "submit_type",
    "success_url",
    "ui_mode",
];
const MOST_LINES: usize = 100;
const MOST_MINOR: i64 = 99_999_999;

impl Store {
    /// `POST /v1/checkout/sessions`.
    pub fn create_session(&mut self, form: &Form) -> Result<Canned, Canned> {
        let lines = check(form, self.now.unix_seconds())?;
        let total = total(&lines)?;
        let end = form.get("expires_at").and_then(|at| at.parse().ok());
        let end = end.unwrap_or(self.now.unix_seconds() + 24 * 60 * 60);
        let prefix = if self.live { "cs_live" } else { "cs_test" };
        let session = json!({
            "mode": "payment", "status": "open", "payment_status": "unpaid", "payment_intent": null,
            "amount_subtotal": total, "amount_total": total, "currency": lines[0].currency,
            "client_reference_id": form.get("client_reference_id"),
            "customer_email": form.get("customer_email"),
            "customer_details": null,
            "metadata": texts(&form.map("metadata")),
            "success_url": form.get("success_url"), "cancel_url": form.get("cancel_url"),
            "expires_at": end, "locale": form.get("locale"), "ui_mode": "hosted_page",
            "adaptive_pricing": {"enabled": form.get("adaptive_pricing[enabled]") != Some("false")},
        });
        let id = self.put(prefix, "checkout.session", session);
        let url = format!("{}/{id}", self.pages);
        // Not shown by the API unless asked for; kept for the page and for the payment.
        let hidden = json!({
            "lines": lines.iter().map(|l| json!([l.name, l.amount, l.quantity])).collect::<Vec<_>>(),
            "payment_metadata": texts(&form.map("payment_intent_data[metadata]")),
            "description": form.get("payment_intent_data[description]"),
        });
        self.set(&id, json!({"url": url, "fake_only": hidden}));
        Ok(ok(&self.shown(&id, form)?))
    }

    /// `GET /v1/checkout/sessions/{id}`.
    pub fn read_session(&self, id: &str, form: &Form) -> Result<Canned, Canned> {
        self.session(id)?;
        Ok(ok(&self.shown(id, form)?))
    }

    /// `POST /v1/checkout/sessions/{id}/expire`.
    pub fn expire_session(&mut self, id: &str, form: &Form) -> Result<Canned, Canned> {
        let status = self.session(id)?["status"].clone();
        if status != "open" {
            let message = format!(
                "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of {}.",
                status.as_str().unwrap_or_default()
            );
            return Err(forbidden_now(None, &message));
        }
        self.end_session(id);
        Ok(ok(&self.shown(id, form)?))
    }

    pub fn end_session(&mut self, id: &str) {
        self.set(id, json!({"status": "expired", "url": null}));
        self.event("checkout.session.expired", id);
    }

    pub fn pay(&mut self, session: &str) -> anyhow::Result<String> {
        let payment = self.begin_payment(session, "succeeded")?;
        self.charge(&payment);
        let fields = json!({"status": "complete", "payment_status": "paid", "url": null});
        self.set(session, fields);
        self.event("payment_intent.succeeded", &payment);
        self.event("checkout.session.completed", session);
        Ok(payment)
    }

    pub fn decline(&mut self, session: &str) -> anyhow::Result<()> {
        let payment = self.begin_payment(session, "requires_payment_method")?;
        self.set(session, json!({"payment_intent": null}));
        self.event("payment_intent.payment_failed", &payment);
        Ok(())
    }

    pub fn pay_later(&mut self, session: &str) -> anyhow::Result<String> {
        let payment = self.begin_payment(session, "processing")?;
        self.set(session, json!({"status": "complete", "url": null}));
        self.event("checkout.session.completed", session);
        Ok(payment)
    }

    pub fn settle_later(&mut self, session: &str, came: bool) -> anyhow::Result<()> {
        let payment = self.must(session)?["payment_intent"].clone();
        let payment = payment.as_str().unwrap_or_default().to_owned();
        let waits = self.must(&payment)?["status"] == "processing";
        anyhow::ensure!(waits, "{payment} is not on its way");
        if came {
            self.set(&payment, json!({"status": "succeeded"}));
            self.charge(&payment);
            self.set(session, json!({"payment_status": "paid"}));
            self.event("checkout.session.async_payment_succeeded", session);
        } else {
            self.set(&payment, json!({"status": "requires_payment_method"}));
            self.event("checkout.session.async_payment_failed", session);
        }
        Ok(())
    }

    fn begin_payment(&mut self, session: &str, status: &str) -> anyhow::Result<String> {
        let found = self.must(session)?;
        anyhow::ensure!(found["status"] == "open", "{session} is not open");
        let payment = json!({
            "amount": found["amount_total"], "currency": found["currency"], "status": status,
            "metadata": found["fake_only"]["payment_metadata"],
            "description": found["fake_only"]["description"], "latest_charge": null,
        });
        let email = found["customer_email"].clone();
        let payment = self.put("pi", "payment_intent", payment);
        let customer = json!({"email": email, "name": "Fake Buyer"});
        self.set(
            session,
            json!({"payment_intent": payment, "customer_details": customer}),
        );
        Ok(payment)
    }

    /// The payment's metadata is copied to its charge, as Stripe does.
    fn charge(&mut self, payment: &str) {
        let intent = self.get(payment).cloned().unwrap_or_default();
        let charge = json!({
            "amount": intent["amount"], "amount_refunded": 0, "currency": intent["currency"],
            "payment_intent": payment, "metadata": intent["metadata"], "paid": true,
            "status": "succeeded", "refunded": false, "disputed": false,
        });
        let charge = self.put("ch", "charge", charge);
        self.set(payment, json!({"latest_charge": charge}));
    }

    fn session(&self, id: &str) -> Result<&Value, Canned> {
        self.of("checkout.session")
            .find(|session| session["id"] == id)
            .ok_or_else(|| absent("checkout.session", id))
    }

    /// As the API shows it, with what was asked to be whole.
    fn shown(&self, id: &str, form: &Form) -> Result<Value, Canned> {
        let mut session = self.rendered(id);
        for part in form.list("expand") {
            match part {
                "payment_intent" => {
                    let payment = session["payment_intent"].as_str().map(str::to_owned);
                    if let Some(payment) = payment.and_then(|id| self.get(&id)) {
                        session["payment_intent"] = payment.clone();
                    }
                }
                other => {
                    let message = format!("This property cannot be expanded ({other}).");
                    return Err(invalid("expand", "parameter_invalid", &message));
                }
            }
        }
        Ok(session)
    }

    /// Ids of open sessions are in the address of their page.
    pub fn page_of(&self, session: &str) -> Option<Value> {
        let found = self.get(session)?;
        (found["object"] == "checkout.session").then(|| found.clone())
    }
}

struct Line {
    name: String,
    currency: String,
    amount: i64,
    quantity: i64,
}

fn check(form: &Form, now: i64) -> Result<Vec<Line>, Canned> {
    if let Some(unknown) = form.unknown(KNOWN) {
        let message = format!("Received unknown parameter: {unknown}");
        return Err(invalid(unknown, "parameter_unknown", &message));
    }
    if form.get("mode") != Some("payment") {
        return Err(invalid(
            "mode",
            "parameter_missing",
            "Missing required param: mode.",
        ));
    }
    let success = form.get("success_url").unwrap_or_default();
    if !success.starts_with("http://") && !success.starts_with("https://") {
        return Err(invalid("success_url", "url_invalid", "Not a valid URL"));
    }
    if let Some(email) = form.get("customer_email")
        && !email.contains('@')
    {
        let message = format!("Invalid email address: {email}");
        return Err(invalid("customer_email", "email_invalid", &message));
    }
    let reference = form.get("client_reference_id").unwrap_or_default();
    if reference.chars().count() > 200 {
        let message = "Invalid string: must be at most 200 characters";
        return Err(invalid("client_reference_id", "parameter_invalid", message));
    }
    if let Some(end) = form.get("expires_at") {
        check_end(end, now)?;
    }
    lines(form)
}

fn check_end(end: &str, now: i64) -> Result<(), Canned> {
    let ahead = end.parse::<i64>().unwrap_or_default() - now;
    if (30 * 60..=24 * 60 * 60).contains(&ahead) {
        return Ok(());
    }
    let message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.";
    Err(invalid("expires_at", "parameter_invalid", message))
}

fn lines(form: &Form) -> Result<Vec<Line>, Canned> {
    let mut lines = Vec::new();
    while form.has(&format!("line_items[{}]", lines.len())) {
        let at = format!("line_items[{}]", lines.len());
        let field = |name: &str| {
            let name = format!("{at}{name}");
            let value = form.get(&name).filter(|value| !value.is_empty());
            let missing = || {
                let message = format!("Missing required param: {name}.");
                invalid(&name, "parameter_missing", &message)
            };
            value.ok_or_else(missing)
        };
        let number = |name: &str| {
            let parsed = field(name)?.parse().ok().filter(|number| *number >= 0);
            parsed.ok_or_else(|| invalid(name, "parameter_invalid_integer", "Invalid integer"))
        };
        lines.push(Line {
            name: field("[price_data][product_data][name]")?.to_owned(),
            currency: field("[price_data][currency]")?.to_owned(),
            amount: number("[price_data][unit_amount]")?,
            quantity: number("[quantity]")?,
        });
    }
    let message = match lines.len() {
        0 => "Missing required param: line_items.",
        1..=MOST_LINES => return Ok(lines),
        _ => "You may only specify up to 100 line items.",
    };
    Err(invalid("line_items", "parameter_invalid", message))
}

fn total(lines: &[Line]) -> Result<i64, Canned> {
    let currency = &lines[0].currency;
    if lines.iter().any(|line| line.currency != *currency) {
        let message = "All line items must have the same currency.";
        return Err(invalid("line_items", "parameter_invalid", message));
    }
    let total: i64 = lines.iter().map(|line| line.amount * line.quantity).sum();
    // The like of 0.50 US dollars; the fake's rate is 26,400 dong to the dollar.
    let least = match currency.as_str() {
        "vnd" => 13_200,
        _ => 50,
    };
    if total < least {
        let message = "The Checkout Session's total amount must convert to at least 50 cents.";
        return Err(forbidden_now(Some("amount_too_small"), message));
    }
    if total > MOST_MINOR {
        let message = "The Checkout Session's total amount due must be no more than 99999999.";
        return Err(forbidden_now(Some("amount_too_large"), message));
    }
    Ok(total)
}

//! What happens after a payment: refunds, which may fail late, and disputes.

use serde_json::{Value, json};

use super::answers::{Canned, absent, forbidden_now, invalid, ok};
use super::form::Form;
use super::store::{Store, id_of, texts};
use super::{Claim, Refunds};

impl Store {
    /// `POST /v1/refunds`.
    pub fn create_refund(&mut self, form: &Form) -> Result<Canned, Canned> {
        let known = ["payment_intent", "amount", "metadata", "reason", "expand"];
        if let Some(unknown) = form.unknown(&known) {
            let message = format!("Received unknown parameter: {unknown}");
            return Err(invalid(unknown, "parameter_unknown", &message));
        }
        let payment = form.get("payment_intent").unwrap_or_default();
        let amount =
            match form.get("amount") {
                None => None,
                Some(text) => Some(text.parse().map_err(|_| {
                    invalid("amount", "parameter_invalid_integer", "Invalid integer")
                })?),
            };
        let id = self.refund(payment, amount, &form.map("metadata"))?;
        if let Some(reason) = form.get("reason") {
            self.set(&id, json!({"reason": reason}));
        }
        Ok(ok(&self.rendered(&id)))
    }

    pub fn refund(
        &mut self,
        payment: &str,
        amount: Option<i64>,
        metadata: &[(String, String)],
    ) -> Result<String, Canned> {
        let charge = self.charge_of(payment)?;
        let left = number(&charge, "amount") - number(&charge, "amount_refunded");
        let amount = amount.unwrap_or(left);
        check(&charge, left, amount)?;
        let status = match self.refunds_are {
            Refunds::AtOnce => "succeeded",
            Refunds::Pending => "pending",
        };
        let refund = json!({
            "amount": amount, "currency": charge["currency"], "payment_intent": payment,
            "charge": charge["id"], "status": status, "metadata": texts(metadata), "reason": null,
        });
        let id = self.put("re", "refund", refund);
        self.recount(&id_of(&charge));
        self.event("charge.refunded", &id_of(&charge));
        self.event("refund.created", &id);
        Ok(id)
    }

    pub fn finish_refund(&mut self, refund: &str, end: Result<(), &str>) -> anyhow::Result<()> {
        let charge = self.must(refund)?["charge"].clone();
        let fields = match end {
            Ok(()) => json!({"status": "succeeded"}),
            Err(why) => json!({"status": "failed", "failure_reason": why}),
        };
        self.set(refund, fields);
        self.recount(charge.as_str().unwrap_or_default());
        self.event("refund.updated", refund);
        if end.is_err() {
            self.event("refund.failed", refund);
        }
        Ok(())
    }

    /// Stripe does not document what a failed refund does to the charge's sum; here it does not count.
    fn recount(&mut self, charge: &str) {
        let refunds = self.of("refund");
        let whole = refunds.filter(|r| r["charge"] == charge && r["status"] != "failed");
        let refunded: i64 = whole.map(|refund| number(refund, "amount")).sum();
        let amount = self
            .get(charge)
            .map_or(0, |charge| number(charge, "amount"));
        let fields = json!({"amount_refunded": refunded, "refunded": refunded == amount});
        self.set(charge, fields);
    }

    pub fn dispute(&mut self, payment: &str, claim: Claim) -> anyhow::Result<String> {
        let charge = self
            .charge_of(payment)
            .map_err(|refused| anyhow::anyhow!("{}", refused.body))?;
        let status = match claim {
            Claim::Inquiry => "warning_needs_response",
            Claim::Chargeback => "needs_response",
        };
        let dispute = json!({
            "amount": charge["amount"], "currency": charge["currency"], "charge": charge["id"],
            "payment_intent": payment, "reason": "fraudulent", "status": status, "metadata": {},
        });
        let id = self.put("dp", "dispute", dispute);
        self.event("charge.dispute.created", &id);
        if claim == Claim::Chargeback {
            self.set(&id_of(&charge), json!({"disputed": true}));
            self.event("charge.dispute.funds_withdrawn", &id);
        }
        Ok(id)
    }

    pub fn close_dispute(&mut self, dispute: &str, won: bool) -> anyhow::Result<()> {
        let before = self.must(dispute)?["status"].clone();
        let asked_only = before == "warning_needs_response";
        let status = match (asked_only, won) {
            (true, _) => "warning_closed",
            (false, true) => "won",
            (false, false) => "lost",
        };
        self.set(dispute, json!({"status": status}));
        self.event("charge.dispute.closed", dispute);
        if status == "won" {
            self.event("charge.dispute.funds_reinstated", dispute);
        }
        Ok(())
    }

    fn charge_of(&self, payment: &str) -> Result<Value, Canned> {
        let intent = self.of("payment_intent").find(|i| i["id"] == payment);
        let intent = intent.ok_or_else(|| absent("payment_intent", payment))?;
        let charge = intent["latest_charge"].as_str().and_then(|id| self.get(id));
        charge.cloned().ok_or_else(|| {
            let message = format!(
                "This PaymentIntent ({payment}) does not have a successful charge to refund."
            );
            forbidden_now(None, &message)
        })
    }
}

fn check(charge: &Value, left: i64, amount: i64) -> Result<(), Canned> {
    let id = id_of(charge);
    if charge["disputed"] == true {
        let message = format!("Charge {id} has been charged back; cannot issue a refund.");
        return Err(forbidden_now(Some("charge_disputed"), &message));
    }
    if left == 0 {
        let message = format!("Charge {id} has already been refunded.");
        return Err(forbidden_now(Some("charge_already_refunded"), &message));
    }
    if amount < 1 {
        let message = "Invalid positive integer";
        return Err(invalid("amount", "parameter_invalid_integer", message));
    }
    if amount > left {
        let message = format!(
            "Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        );
        return Err(invalid("amount", "parameter_invalid", &message));
    }
    Ok(())
}

fn number(object: &Value, field: &str) -> i64 {
    object[field].as_i64().unwrap_or_default()
}

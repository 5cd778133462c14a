//! The calls we make to payOS. An answer's HTTP status is 200 whatever happened; its `code` decides.
//! A payment link is named by an order code that we choose and store before the call, so a second call
//! for it is refused as a duplicate, and a read then finds what the first one made.

use async_trait::async_trait;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::{Map, Value, json};

use super::answer::{Answered, Refusal, judge};
use super::signature::{Asked, of_request};
use super::{NAME, given, wire};
use crate::config;
use crate::config::Secret;
use crate::connectors::Fault;
use crate::connectors::gateways::teller::{
    Abilities, Finding, Intent, Means, Opened, Page, RefundAsk, Report, Teller, Wanted,
};
use crate::connectors::http::{Aim, Limits, absolute, client, exchange};
use crate::fact::{CheckoutState, RefundFact};
use crate::money::{Currency, Money};

const USUAL_ADDRESS: &str = "https://api-merchant.payos.vn";
/// A link's page, by its id: only the answer that made the link carries its address.
const PAGES: &str = "https://pay.payos.vn/web/";
/// payOS refuses smaller amounts; banks' instant transfers stay below 500 million dong.
const PAYABLE: std::ops::RangeInclusive<i64> = 2_000..=499_999_999;
/// Characters of a description at banks that are linked through payOS, and at the others.
const LONGEST_DESCRIPTION: usize = 25;
const SHORTEST_DESCRIPTION: usize = 9;

/// One channel's API.
pub(super) struct Api {
    client: reqwest::Client,
    limits: Limits,
    base: Url,
    headers: HeaderMap,
    secrets: [Secret; 3],
}

impl Api {
    /// Checks the settings' form; sends nothing. `None`: no client is configured.
    pub(super) fn new(settings: &config::Payos, limits: Limits) -> anyhow::Result<Option<Self>> {
        let given = [
            given(settings.client_id.as_ref()),
            given(settings.api_key.as_ref()),
            given(settings.checksum_key.as_ref()),
        ];
        let [Some(client_id), Some(api_key), Some(checksum_key)] = given else {
            return Ok(None);
        };
        let address = Some(settings.api_url.as_str()).filter(|address| !address.is_empty());
        let headers = [("x-client-id", &client_id), ("x-api-key", &api_key)].map(secret_header);
        Ok(Some(Self {
            client: client(limits)?,
            limits,
            base: absolute(address.unwrap_or(USUAL_ADDRESS))?,
            headers: headers.into_iter().collect::<anyhow::Result<_>>()?,
            secrets: [client_id, api_key, checksum_key],
        }))
    }
}

fn secret_header(
    (name, secret): (&'static str, &Secret),
) -> anyhow::Result<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(secret.expose().trim())
        .map_err(|_| anyhow::anyhow!("a key of payOS has characters that no key has"))?;
    value.set_sensitive(true);
    Ok((HeaderName::from_static(name), value))
}

#[async_trait]
impl Teller for Api {
    /// Bank money goes back by hand. payOS documents no list of payments.
    fn abilities(&self) -> Abilities {
        Abilities {
            checkout: true,
            refunds: false,
            listings: &[],
        }
    }

    fn means(&self) -> Means {
        Means::Transfer
    }

    fn accepts(&self, amount: Money) -> Result<(), &'static str> {
        if amount.currency != Currency::Vnd {
            Err("currency_not_payable")
        } else if PAYABLE.contains(&amount.minor) {
            Ok(())
        } else {
            Err("amount_not_payable")
        }
    }

    /// An integer that JavaScript can hold, 16 digits, apart from the small ones that people choose.
    fn reserve(&self, chance: u64) -> Option<String> {
        let random = (chance >> 12).cast_signed();
        Some((wire::LEAST_ORDER_CODE | random).to_string())
    }

    /// Where the webhook goes cannot be looked at: payOS shows the setting to nobody.
    async fn inspect(&self, _public_url: &str) -> Result<Vec<Finding>, Fault> {
        // A code that no link has: the answer tells whether the keys are known.
        drop(self.link("1").await?);
        let what = "payOS knows the client ID and the API key. Where its webhook goes and whether the checksum \
                    key is right, only `bursar gateway register payos` can find out.";
        Ok(vec![Finding {
            sound: true,
            what: what.to_owned(),
        }])
    }

    /// `confirm-webhook` sets the channel's webhook to our address after a message to it was answered.
    /// So only an address that payOS can reach is put there.
    async fn register(&self, public_url: &str) -> Result<Option<Finding>, Fault> {
        if public_url.starts_with("https://") {
            return self.confirm_webhook(public_url).await.map(Some);
        }
        Ok(Some(Finding {
            sound: false,
            what: format!("payOS calls https:// addresses only, and public_url is {public_url}."),
        }))
    }

    async fn open(&self, intent: &Intent) -> Result<Opened, Fault> {
        let order_code = intent.reference.as_deref().and_then(|r| r.parse().ok());
        let order_code: i64 = order_code.ok_or_else(|| Fault::MappingBroken {
            why: "The payment has no order code for payOS.".to_owned(),
        })?;
        let whole = last(&intent.code, LONGEST_DESCRIPTION);
        let mut made = self.create(intent, order_code, whole).await?;
        if matches!(&made, Err(refusal) if refusal.is_about_the_request()) {
            let short = last(&intent.code, SHORTEST_DESCRIPTION);
            made = self.create(intent, order_code, short).await?;
        }
        match made {
            Ok(link) => opened(order_code, &link),
            Err(refusal) if refusal.is_duplicate() => self.opened_before(intent, order_code).await,
            Err(refusal) => Err(refusal.fault("open a payment link")),
        }
    }

    async fn look(&self, reference: &str) -> Result<Report, Fault> {
        match self.link(reference).await? {
            Ok(answered) => report(answered),
            Err(refusal) => Ok(nothing_there(reference, &refusal)),
        }
    }

    /// A link that had ended refuses, in words that are documented nowhere: a read tells how it stands.
    async fn close(&self, reference: &str) -> Result<Report, Fault> {
        let path = ["v2", "payment-requests", reference, "cancel"];
        let body = json!({ "cancellationReason": "The order can no longer be paid here." });
        let said = self.call(Aim::Write, &path, Some(&body)).await?;
        let refusal = match said {
            Ok(answered) => return report(answered),
            Err(refusal) => refusal,
        };
        match self.link(reference).await? {
            Ok(answered) if answered.state() == Some(CheckoutState::Open) => {
                Err(Fault::Transient {
                    why: refusal.sentence("cancel a payment link"),
                    after: None,
                })
            }
            Ok(answered) => report(answered),
            Err(absent) => Ok(nothing_there(reference, &absent)),
        }
    }

    async fn refund(&self, _ask: &RefundAsk) -> Result<RefundFact, Fault> {
        Err(Fault::MappingBroken {
            why: "payOS pays nothing back: return the money from the bank account.".to_owned(),
        })
    }

    async fn page(&self, _wanted: &Wanted) -> Result<Page, Fault> {
        Err(Fault::MappingBroken {
            why: "payOS lists no payments.".to_owned(),
        })
    }
}

impl Api {
    /// Nothing about the buyer is sent: payOS wants it for invoices only.
    async fn create(
        &self,
        intent: &Intent,
        order_code: i64,
        description: &str,
    ) -> Result<Result<Answered, Refusal>, Fault> {
        let asked = Asked {
            amount: intent.amount.minor,
            cancel_url: &intent.cancel_url,
            description,
            order_code,
            return_url: &intent.success_url,
        };
        let body = json!({
            "orderCode": asked.order_code,
            "amount": asked.amount,
            "description": asked.description,
            "cancelUrl": asked.cancel_url,
            "returnUrl": asked.return_url,
            "expiredAt": intent.until.unix_seconds(),
            "signature": of_request(self.checksum_key(), &asked),
        });
        self.call(Aim::Write, &["v2", "payment-requests"], Some(&body))
            .await
    }

    /// The link that an earlier call made, though its answer was lost.
    async fn opened_before(&self, intent: &Intent, order_code: i64) -> Result<Opened, Fault> {
        let found = self.link(&order_code.to_string()).await?;
        let answered = found.map_err(|refusal| refusal.fault("show a payment link it has"))?;
        let link = answered.link()?;
        if link.amount != intent.amount.minor {
            return Err(Fault::MappingBroken {
                why: format!("payOS has a payment link {order_code} with another amount."),
            });
        }
        Ok(Opened {
            reference: order_code.to_string(),
            url: format!("{PAGES}{}", link.id),
        })
    }

    /// Inner error: there is no such link.
    async fn link(&self, reference: &str) -> Result<Result<Answered, Refusal>, Fault> {
        let path = ["v2", "payment-requests", reference];
        match self.call(Aim::Read, &path, None).await? {
            Err(refusal) if !refusal.is_absence() => Err(refusal.fault("show a payment link")),
            said => Ok(said),
        }
    }

    async fn confirm_webhook(&self, public_url: &str) -> Result<Finding, Fault> {
        let address = format!("{public_url}/api/v1/payment/{NAME}/webhook");
        let body = json!({ "webhookUrl": address });
        let said = self
            .call(Aim::Write, &["confirm-webhook"], Some(&body))
            .await?;
        Ok(match said {
            Ok(_) => Finding {
                sound: true,
                what: format!("payOS reached {address} and calls it from now on."),
            },
            Err(refusal) => Finding {
                sound: false,
                what: format!(
                    "payOS could not confirm {address}: {}. Is the server running, reachable from \
                     outside, and checksum_key the channel's?",
                    refusal.said
                ),
            },
        })
    }

    async fn call(
        &self,
        aim: Aim,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Result<Answered, Refusal>, Fault> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let method = if body.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        let mut request = self.client.request(method, url);
        request = request.headers(self.headers.clone());
        if let Some(body) = body {
            request = request.json(body);
        }
        let exchanged = exchange(request, self.limits).await;
        judge(aim, exchanged, &self.secrets)
    }

    fn checksum_key(&self) -> &Secret {
        &self.secrets[2]
    }
}

/// The last characters: an order code differs most at its end.
fn last(code: &str, most: usize) -> &str {
    let from = code.len().saturating_sub(most);
    code.get(from..).unwrap_or(code)
}

fn opened(order_code: i64, answered: &Answered) -> Result<Opened, Fault> {
    let url = text(&answered.data, "checkoutUrl").filter(|url| url.starts_with("https://"));
    let url = url.ok_or_else(|| Fault::Unknown {
        why: "payOS made a payment link but named no page for it.".to_owned(),
    })?;
    Ok(Opened {
        reference: order_code.to_string(),
        url,
    })
}

fn text(data: &Map<String, Value>, name: &str) -> Option<String> {
    Some(data.get(name)?.as_str()?.to_owned())
}

fn report(answered: Answered) -> Result<Report, Fault> {
    let link = answered.link()?;
    Ok(Report {
        key: link.event_key(),
        facts: link.facts(),
        body: answered.body,
    })
}

/// Nobody can pay at a link that does not exist. The answer does not say which one that is, so the
/// code we asked for is put beside it: the body is all that is settled.
fn nothing_there(reference: &str, refusal: &Refusal) -> Report {
    let said =
        json!({ "code": refusal.code, "desc": refusal.said, "data": null, "asked": reference });
    let body = said.to_string().into_bytes();
    Report {
        key: format!("link:{reference}:absent"),
        facts: wire::read(&body),
        body,
    }
}

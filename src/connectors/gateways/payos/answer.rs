//! What an answer of payOS means. The codes are documented nowhere as a list; these come from the
//! vendor's Node SDK 2.0.5 and from answers that its users published.

use serde_json::{Map, Value};

use super::{signature, wire};
use crate::config::Secret;
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Answer, Lost};
use crate::connectors::quote::quote;
use crate::fact::CheckoutState;

/// "Thông tin truyền lên không đúng": something in the request, such as a description too long.
const WRONG_REQUEST: &str = "20";
/// "Mã thanh toán không tồn tại".
pub(super) const ABSENT: &str = "101";
/// "Mã kiểm tra (signature) không hợp lệ".
const WRONG_SIGNATURE: &str = "201";
/// "Cổng thanh toán không tồn tại hoặc đã tạm dừng": wrong keys, or a channel that is switched off.
const NO_CHANNEL: &str = "214";
/// "Đơn thanh toán đã tồn tại".
const DUPLICATE: &str = "231";

/// A success.
pub(super) struct Answered {
    pub data: Map<String, Value>,
    pub body: Vec<u8>,
}

impl Answered {
    /// As the payment link that it must be.
    pub(super) fn link(&self) -> Result<wire::Link<'_>, Fault> {
        let link = wire::link(&self.data).ok().flatten();
        link.ok_or_else(|| Fault::ConnectionBroken {
            why: "payOS answered with something that is no payment link.".to_owned(),
        })
    }

    pub(super) fn state(&self) -> Option<CheckoutState> {
        self.link().ok()?.state()
    }
}

/// A call that payOS understood and did not do.
pub(super) struct Refusal {
    pub code: String,
    /// Its words, fit for a seller's eyes.
    pub said: String,
}

impl Refusal {
    pub(super) fn is_about_the_request(&self) -> bool {
        self.code == WRONG_REQUEST
    }

    pub(super) fn is_absence(&self) -> bool {
        self.code == ABSENT
    }

    pub(super) fn is_duplicate(&self) -> bool {
        self.code == DUPLICATE
    }

    pub(super) fn sentence(&self, doing: &str) -> String {
        format!("payOS refuses to {doing}: {}.", self.said)
    }

    /// What it means where it is nothing special.
    pub(super) fn fault(&self, doing: &str) -> Fault {
        Fault::MappingBroken {
            why: self.sentence(doing),
        }
    }
}

/// The table: success, a refusal that the call may know what to do with, or a fault.
pub(super) fn judge(
    aim: Aim,
    exchanged: Result<Answer, Lost>,
    secrets: &[Secret; 3],
) -> Result<Result<Answered, Refusal>, Fault> {
    let answer = exchanged.map_err(|lost| lost_fault(lost, aim))?;
    let status = answer.status;
    if status == 429 {
        return Err(busy(&answer));
    }
    if status >= 500 || status == 408 {
        return Err(unsure(aim, &format!("payOS answered with HTTP {status}")));
    }
    let hide = secrets.each_ref().map(|secret| secret.expose().trim());
    let Ok(envelope) = wire::Envelope::read(&answer.body) else {
        let what = format!("payOS answered with HTTP {status} and no JSON that we can read");
        return Err(not_payos(aim, status, &what));
    };
    let code = envelope.code.unwrap_or_default();
    let said = format!(
        "{} (code {})",
        quote(&envelope.desc, &hide),
        quote(&code, &hide)
    );
    match (code.as_str(), envelope.data) {
        (wire::SUCCESS, Some(data)) => {
            let signature = envelope.signature;
            if signature.is_some_and(|s| !signature::is_right(&secrets[2], &data, &s)) {
                return Err(broken(
                    "payOS signs with another checksum_key than the settings have",
                ));
            }
            let body = answer.body;
            Ok(Ok(Answered { data, body }))
        }
        (NO_CHANNEL | "401" | "403", _) => {
            Err(broken(&format!("payOS does not know the keys: {said}")))
        }
        _ if status == 401 || status == 403 => {
            Err(broken(&format!("payOS does not know the keys: {said}")))
        }
        (WRONG_SIGNATURE, _) => Err(broken(&format!("checksum_key is wrong: {said}"))),
        ("429", _) => Err(busy(&answer)),
        (wire::SUCCESS, None) | ("", _) => {
            let what = format!("payOS answered with HTTP {status} and nothing in it");
            Err(not_payos(aim, status, &what))
        }
        _ => Ok(Err(Refusal { code, said })),
    }
}

fn busy(answer: &Answer) -> Fault {
    Fault::Transient {
        why: "payOS asks to be called less often.".to_owned(),
        after: answer.retry_after,
    }
}

fn broken(what: &str) -> Fault {
    Fault::ConnectionBroken {
        why: format!("{what}."),
    }
}

/// An error page of a proxy, or another site: a client's fault leaves no doubt that nothing was done.
fn not_payos(aim: Aim, status: u16, what: &str) -> Fault {
    if (300..500).contains(&status) {
        broken(what)
    } else {
        unsure(aim, what)
    }
}

fn unsure(aim: Aim, what: &str) -> Fault {
    let why = format!("{what}.");
    match aim {
        Aim::Read => Fault::Transient { why, after: None },
        Aim::Write => Fault::Unknown { why },
    }
}

fn lost_fault(lost: Lost, aim: Aim) -> Fault {
    match lost {
        Lost::Unreached(why) => Fault::Transient {
            why: format!("payOS could not be reached: {why}."),
            after: None,
        },
        Lost::Unproven(why) => broken(&format!(
            "No secure connection to payOS could be made: {why}"
        )),
        Lost::Unanswered(why) => unsure(aim, &format!("payOS gave no whole answer: {why}")),
        Lost::Oversized(limit) => {
            unsure(aim, &format!("payOS's answer is longer than {limit} bytes"))
        }
    }
}

//! payOS: its webhooks, and its API over real HTTP against a fake of it.

pub mod fake;
mod links;
mod webhooks;

use bursar::config::{Payments, Payos, Secret};

const CLIENT_ID: &str = "client-that-must-not-show";
const API_KEY: &str = "k3y-that-must-not-show";
pub const CHECKSUM_KEY: &str = "payos_test_checksum_key";

pub const DOCUMENTED: &str = include_str!("../../../fixtures/payos/webhook_documented.json");
pub const PAID: &str = include_str!("../../../fixtures/payos/webhook_paid.json");
const LINK_PAID: &str = include_str!("../../../fixtures/payos/link_paid.json");
const LINK_PENDING: &str = include_str!("../../../fixtures/payos/link_pending.json");

pub fn settings(api_url: &str) -> Payments {
    Payments {
        payos: Payos {
            client_id: Some(Secret::new(CLIENT_ID)),
            api_key: Some(Secret::new(API_KEY)),
            checksum_key: Some(Secret::new(CHECKSUM_KEY)),
            api_url: api_url.to_owned(),
        },
        ..Payments::default()
    }
}

//! `alerts`: what a person should see to. The admin API clears one by hand.

use std::fmt::Write;

use super::Place;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::model::alert;

pub(super) async fn run(place: &Place) -> anyhow::Result<()> {
    let (config, db) = place.to_read().await?;
    let open = db.read(|tx| Box::pin(alert::open(tx))).await;
    let time = |at: Timestamp| at.local(config.shop.utc_offset_minutes, "%Y-%m-%d %H:%M");
    let mut text = String::new();
    for alert in open.map_err(Error::into_anyhow)? {
        let (since, last) = (time(alert.raised_at), time(alert.last_at));
        let (kind, subject, why, times) = (alert.kind, alert.subject, alert.why, alert.times);
        writeln!(text, "{since}  {kind}  {subject}: {why}")?;
        if times > 1 {
            writeln!(text, "  {times} times, the last at {last}")?;
        }
    }
    super::print(&text)
}

//! The lists of both versions, and one transfer in each of its three shapes.

use std::collections::BTreeMap;

use bursar::clock::Timestamp;
use serde_json::{Value, json};

use super::{Booking, Canned, Order, Shelf};

const LOCAL: &str = "%Y-%m-%d %H:%M:%S";

/// v1's default, and its greatest limit.
const V1_MOST: usize = 5000;
/// v2's greatest page, and its usual one.
const V2_MOST: usize = 100;
const V2_USUAL: usize = 20;

pub(super) fn webhook(id: i64, booking: &Booking) -> Value {
    let memo = &booking.memo;
    json!({
        "id": id,
        "gateway": "Vietcombank",
        "transactionDate": local(booking.booked_at),
        "accountNumber": booking.account,
        "code": booking.code,
        "content": memo,
        "transferType": if booking.incoming { "in" } else { "out" },
        "transferAmount": booking.dong,
        "accumulated": 0,
        "subAccount": booking.sub_account,
        "referenceCode": booking.reference,
        "description": format!("BankAPINotify {memo}"),
    })
}

/// In no order with the ids, as UUIDs are.
pub(super) fn uuid(id: i64) -> String {
    let mixed = id.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (high, low) = (mixed >> 32, id.cast_unsigned());
    format!("{high:08x}-7ec1-11f0-8a3b-{low:012x}")
}

pub(super) fn v1_transactions(shelf: &Shelf, query: &str) -> Canned {
    let asked = asked(query);
    let limit = number(&asked, "limit").unwrap_or(V1_MOST).min(V1_MOST);
    let since = asked.get("since_id").map(|id| id.parse::<i64>().unwrap());
    let mut found = within(
        shelf,
        &asked,
        "transaction_date_min",
        "transaction_date_max",
    );
    found.retain(|(id, _)| since.is_none_or(|since| *id >= since));
    found.sort_by_key(|(id, booking)| match shelf.order {
        Order::NewestIds => (-id, 0),
        Order::OldestIds => (*id, 0),
        Order::LatestBooked => (-booking.booked_at.0, *id),
    });
    let items: Vec<Value> = found.iter().take(limit).map(v1_item).collect();
    let body = json!({"status": 200, "error": null, "messages": {"success": true},
        "transactions": items});
    Canned::new(200, body.to_string())
}

pub(super) fn v1_accounts(shelf: &Shelf) -> Canned {
    let account = |(number, is_active): &(String, bool)| {
        json!({"id": "25", "account_holder_name": "NGUYEN VAN A", "account_number": number,
            "accumulated": "2525493.00", "active": if *is_active { "1" } else { "0" },
            "bank_short_name": "Vietcombank", "bank_bin": "970436", "bank_code": "VCB"})
    };
    let accounts: Vec<Value> = shelf.accounts.iter().map(account).collect();
    let body = json!({"status": 200, "error": null, "messages": {"success": true},
        "bankaccounts": accounts});
    Canned::new(200, body.to_string())
}

pub(super) fn v2_transactions(shelf: &Shelf, query: &str) -> Canned {
    let asked = asked(query);
    let per_page = number(&asked, "per_page").unwrap_or(V2_USUAL);
    if per_page > V2_MOST {
        let body = json!({"status": "error", "error_code": "validation_error",
            "message": "The per page field must not be greater than 100."});
        return Canned::new(422, body.to_string());
    }
    let mut found = within(
        shelf,
        &asked,
        "transaction_date_from",
        "transaction_date_to",
    );
    found.retain(|(_, booking)| {
        let heard = asked.get("webhook_success").map(|word| word == "1");
        let incoming = asked.get("transfer_type").map(|word| word == "in");
        heard.is_none_or(|heard| heard == (booking.heard > 0))
            && incoming.is_none_or(|incoming| incoming == booking.incoming)
    });
    let turns = shelf.ties_move && shelf.asked.len() % 2 == 1;
    found.sort_by_key(|(id, booking)| (booking.booked_at, if turns { -id } else { *id }));
    if asked.get("transaction_date_sort").map(String::as_str) != Some("asc") {
        found.reverse();
    }
    let page = number(&asked, "page").unwrap_or(1);
    let (total, last_page) = (found.len(), found.len().div_ceil(per_page));
    let items = found.iter().skip((page - 1) * per_page).take(per_page);
    let body = json!({
        "status": "success",
        "data": items.map(v2_item).collect::<Vec<Value>>(),
        "meta": {"pagination": {"total": total, "per_page": per_page, "current_page": page,
            "last_page": last_page, "has_more": page < last_page}},
    });
    Canned::new(200, body.to_string())
}

pub(super) fn v2_accounts(shelf: &Shelf) -> Canned {
    let account = |(number, is_active): &(String, bool)| {
        json!({"id": uuid(25), "account_holder_name": "NGUYEN VAN A", "account_number": number,
            "active": is_active, "bank_short_name": "Vietcombank"})
    };
    let accounts: Vec<Value> = shelf.accounts.iter().map(account).collect();
    let body = json!({"status": "success", "data": accounts,
        "meta": {"pagination": {"total": accounts.len(), "has_more": false}}});
    Canned::new(200, body.to_string())
}

/// Every value is text here.
fn v1_item((id, booking): &(i64, &Booking)) -> Value {
    let (came, went) = came_and_went(booking);
    json!({
        "id": id.to_string(),
        "bank_brand_name": "Vietcombank",
        "account_number": booking.account,
        "transaction_date": local(booking.booked_at),
        "amount_out": format!("{went}.00"),
        "amount_in": format!("{came}.00"),
        "accumulated": "0.00",
        "transaction_content": booking.memo,
        "reference_number": booking.reference,
        "code": booking.code,
        "sub_account": booking.sub_account,
        "bank_account_id": "19",
    })
}

fn v2_item((id, booking): &(i64, &Booking)) -> Value {
    let (came, went) = came_and_went(booking);
    json!({
        "id": uuid(*id),
        "transaction_date": local(booking.booked_at),
        "account_number": booking.account,
        "va": booking.sub_account.as_deref().unwrap_or_default(),
        "transfer_type": if booking.incoming { "in" } else { "out" },
        "amount_in": came,
        "amount_out": went,
        "accumulated": 0,
        "transaction_content": booking.memo,
        "reference_number": booking.reference,
        "code": booking.code,
        "bank_brand_name": "Vietcombank",
        "bank_account_id": uuid(19),
        "va_id": null,
        "webhook_success": booking.heard,
    })
}

fn came_and_went(booking: &Booking) -> (i64, i64) {
    if booking.incoming {
        (booking.dong, 0)
    } else {
        (0, booking.dong)
    }
}

/// Both ends count; a day alone is the whole day.
fn within<'a>(
    shelf: &'a Shelf,
    asked: &BTreeMap<String, String>,
    from: &str,
    to: &str,
) -> Vec<(i64, &'a Booking)> {
    let from = asked
        .get(from)
        .map_or(i64::MIN, |text| second(text, "00:00:00"));
    let to = asked
        .get(to)
        .map_or(i64::MAX, |text| second(text, "23:59:59"));
    let now = shelf.clock.now();
    let listed = shelf.bookings.iter().enumerate();
    listed
        .map(|(place, booking)| (Shelf::id(place), booking))
        .filter(|(_, booking)| booking.listed_at <= now)
        .filter(|(_, booking)| (from..=to).contains(&booking.booked_at.unix_seconds()))
        .collect()
}

/// A day alone begins or ends at `hour`.
fn second(text: &str, hour: &str) -> i64 {
    let text = if text.len() == "2026-01-05".len() {
        format!("{text} {hour}")
    } else {
        text.to_owned()
    };
    let vietnam = jiff::tz::Offset::constant(7);
    let local = jiff::civil::DateTime::strptime(LOCAL, text).unwrap();
    vietnam.to_timestamp(local).unwrap().as_second()
}

fn asked(query: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

fn number(asked: &BTreeMap<String, String>, name: &str) -> Option<usize> {
    asked.get(name).map(|text| text.parse().unwrap())
}

/// Vietnam's wall clock.
fn local(at: Timestamp) -> String {
    at.local(7 * 60, LOCAL)
}

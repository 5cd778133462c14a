//! The fake's readers: one permission per person and item, with the same id for the same person.

use serde_json::{Value, json};

use super::answers::{Canned, gone, invalid, ok, refused};
use super::doors::Asked;
use super::fields::pick;
use super::store::{OWNER, Reader, Store, person_id};
use crate::clock::Timestamp;

const USUAL: &str = "kind,id,type,role";
const USUAL_LIST: &str = "kind,nextPageToken,permissions(kind,id,type,role)";

pub(super) fn share(store: &mut Store, asked: &Asked, id: &str) -> Result<Canned, Canned> {
    let body = asked.json();
    let all_drives = asked.is("supportsAllDrives");
    let count = store.item(id, all_drives)?.readers.len();
    may_share(store, id)?;
    let email = body["emailAddress"].as_str().unwrap_or_default().to_owned();
    let role = body["role"].as_str().unwrap_or_default();
    if body["type"] != "user" || !email.contains('@') || role.is_empty() {
        return Err(invalid(
            "The permission needs a type, a role and an address.",
        ));
    }
    let until = end(store, &body)?;
    let notifies = asked.get("sendNotificationEmail") != Some("false");
    if store.strangers.contains(&email) && !notifies {
        let message = format!(
            "Bad Request. User message: \"You are trying to invite {email}. Since there is no Google \
             account associated with this email address, you must check the 'Notify people' box to \
             invite this recipient.\""
        );
        return Err(refused(400, "invalidSharingRequest", &message));
    }
    let person = person_id(&email);
    let known = store.items[id].readers.iter().any(|r| r.id == person);
    if !known && count >= store.people_per_item {
        // Google documents no reason for this; what is known is that it refuses.
        let message = "The item has as many people as it can have.";
        return Err(refused(403, "cannotShareMore", message));
    }
    if notifies {
        store.mails.push(email.clone());
    }
    let item = store.item(id, all_drives)?;
    if let Some(reader) = item.readers.iter_mut().find(|r| r.id == person) {
        role.clone_into(&mut reader.role);
        reader.until = until;
    } else {
        let reader = Reader::new(&email, role);
        item.readers.push(Reader { until, ..reader });
    }
    get(store, asked, id, &person)
}

pub(super) fn list(store: &mut Store, asked: &Asked, id: &str) -> Result<Canned, Canned> {
    let readers = store
        .item(id, asked.is("supportsAllDrives"))?
        .readers
        .clone();
    let is_shared = store.is_on_shared_drive(id);
    let mut all = vec![owner(is_shared)];
    all.extend(readers.iter().map(|reader| rendered(reader, is_shared)));
    let from = asked.get("pageToken").map_or(Ok(0), str::parse);
    let from: usize = from.map_err(|_| invalid("Invalid Value: pageToken"))?;
    let size = asked.get("pageSize").and_then(|size| size.parse().ok());
    let size = size.unwrap_or(100_usize).clamp(1, 100);
    let page: Vec<Value> = all.iter().skip(from).take(size).cloned().collect();
    let mut body = json!({"kind": "drive#permissionList", "permissions": page});
    if from + size < all.len() {
        body["nextPageToken"] = json!((from + size).to_string());
    }
    Ok(ok(&pick(&body, asked.get("fields").unwrap_or(USUAL_LIST))))
}

pub(super) fn get(
    store: &mut Store,
    asked: &Asked,
    id: &str,
    person: &str,
) -> Result<Canned, Canned> {
    let is_shared = store.is_on_shared_drive(id);
    let reader = reader(store, asked, id, person)?;
    let body = rendered(reader, is_shared);
    Ok(ok(&pick(&body, asked.get("fields").unwrap_or(USUAL))))
}

pub(super) fn change(
    store: &mut Store,
    asked: &Asked,
    id: &str,
    person: &str,
) -> Result<Canned, Canned> {
    let body = asked.json();
    may_share(store, id)?;
    let until = end(store, &body)?;
    let removes = asked.is("removeExpiration");
    let reader = reader(store, asked, id, person)?;
    if let Some(role) = body["role"].as_str() {
        role.clone_into(&mut reader.role);
    }
    if removes || until.is_some() {
        reader.until = until;
    }
    get(store, asked, id, person)
}

pub(super) fn unshare(
    store: &mut Store,
    asked: &Asked,
    id: &str,
    person: &str,
) -> Result<Canned, Canned> {
    reader(store, asked, id, person)?;
    may_share(store, id)?;
    let item = store.item(id, asked.is("supportsAllDrives"))?;
    item.readers.retain(|reader| reader.id != person);
    Ok(gone())
}

fn reader<'s>(
    store: &'s mut Store,
    asked: &Asked,
    id: &str,
    person: &str,
) -> Result<&'s mut Reader, Canned> {
    let item = store.item(id, asked.is("supportsAllDrives"))?;
    let found = item.readers.iter_mut().find(|reader| reader.id == person);
    found.ok_or_else(|| refused(404, "notFound", &format!("Permission not found: {person}.")))
}

/// Folders of a shared drive are shared by its managers only, and within its owner's rules.
fn may_share(store: &Store, id: &str) -> Result<(), Canned> {
    if !store.is_on_shared_drive(id) {
        return Ok(());
    }
    if !store.is_manager {
        let message = "The user does not have sufficient permissions for this file.";
        return Err(refused(403, "insufficientFilePermissions", message));
    }
    if !store.outsiders {
        let message = "The domain administrators have disabled sharing with people outside.";
        return Err(refused(403, "domainPolicy", message));
    }
    Ok(())
}

fn end(store: &Store, body: &Value) -> Result<Option<String>, Canned> {
    let Some(until) = body["expirationTime"].as_str() else {
        return Ok(None);
    };
    if !store.ends_access {
        let message = "Expiration dates cannot be set on this item.";
        return Err(refused(403, "cannotSetExpiration", message));
    }
    match Timestamp::parse(until) {
        Some(at) if at > store.now => Ok(Some(until.to_owned())),
        _ => Err(invalid("The expiration time must be in the future.")),
    }
}

fn rendered(reader: &Reader, is_shared: bool) -> Value {
    let mut value = json!({
        "kind": "drive#permission",
        "id": reader.id,
        "type": "user",
        "emailAddress": reader.email,
        "role": reader.role,
        "deleted": false,
    });
    if let Some(until) = &reader.until {
        value["expirationTime"] = json!(until);
    }
    if is_shared {
        value["permissionDetails"] =
            json!([{"permissionType": "file", "role": reader.role, "inherited": false}]);
    }
    value
}

/// Who owns the account, or manages the shared drive from above.
fn owner(is_shared: bool) -> Value {
    let role = if is_shared { "organizer" } else { "owner" };
    let mut value = json!({
        "kind": "drive#permission",
        "id": person_id(OWNER),
        "type": "user",
        "emailAddress": OWNER,
        "role": role,
        "deleted": false,
    });
    if is_shared {
        value["permissionDetails"] =
            json!([{"permissionType": "member", "role": role, "inherited": true}]);
    }
    value
}

//! The fake's files: made under reserved ids, looked at, listed, copied, deleted.

use serde_json::{Value, json};

use super::SHARED_DRIVE;
use super::answers::{Canned, absent, gone, invalid, ok, refused, taken};
use super::doors::Asked;
use super::fields::pick;
use super::query::{self, Clause};
use super::store::{Item, OWNER, Store};
use crate::connectors::destinations::drive::FOLDER;

const USUAL_FILE: &str = "kind,id,name,mimeType";
const USUAL_LIST: &str = "kind,nextPageToken,incompleteSearch,files(kind,id,name,mimeType)";
const MOST_IDS: usize = 1000;
/// What an account of a person has for nothing.
const ROOM: u64 = 15 << 30;

pub(super) fn about(store: &Store, asked: &Asked) -> Result<Canned, Canned> {
    let Some(mask) = asked.get("fields") else {
        return Err(refused(
            400,
            "required",
            "The 'fields' parameter is required for this method.",
        ));
    };
    let used: u64 = store
        .items
        .values()
        .filter(|item| !store.is_on_shared_drive(&item.id))
        .map(|item| item.bytes.len() as u64)
        .sum();
    let limit = if store.signer.is_some() { 0 } else { ROOM };
    let about = json!({
        "kind": "drive#about",
        "user": {"kind": "drive#user", "displayName": "Seller", "emailAddress": OWNER},
        "storageQuota": {"limit": limit.to_string(), "usage": used.to_string()},
    });
    Ok(ok(&pick(&about, mask)))
}

pub(super) fn shared_drive(store: &Store, asked: &Asked, id: &str) -> Result<Canned, Canned> {
    if id != SHARED_DRIVE || !store.has_shared_drive {
        let message = format!("Shared drive not found: {id}");
        return Err(refused(404, "notFound", &message));
    }
    let may = store.is_manager;
    let drive = json!({
        "kind": "drive#drive",
        "id": SHARED_DRIVE,
        "name": "Courses",
        "restrictions": {
            "domainUsersOnly": !store.outsiders,
            "driveMembersOnly": false,
            "sharingFoldersRequiresOrganizerPermission": true,
        },
        "capabilities": {
            "canAddChildren": true, "canShare": may, "canManageMembers": may, "canDeleteChildren": may,
        },
    });
    Ok(ok(&pick(
        &drive,
        asked.get("fields").unwrap_or("kind,id,name"),
    )))
}

pub(super) fn reserve(store: &mut Store, asked: &Asked) -> Result<Canned, Canned> {
    let count = asked.get("count").map_or(Ok(10), str::parse);
    let count = count.unwrap_or_default();
    if !(1..=MOST_IDS).contains(&count) {
        return Err(invalid("Invalid value: count must be between 1 and 1000."));
    }
    let ids: Vec<String> = (0..count).map(|_| store.fresh("Reserved")).collect();
    store.reserved.extend(ids.iter().cloned());
    let body = json!({"kind": "drive#generatedIds", "space": "drive", "ids": ids});
    Ok(ok(&pick(&body, asked.get("fields").unwrap_or("*"))))
}

pub(super) fn create(store: &mut Store, asked: &Asked) -> Result<Canned, Canned> {
    let item = described(store, asked)?;
    let rendered = insert(store, item);
    Ok(file(asked, &rendered))
}

/// The item that a body describes, under an id that is free.
pub(super) fn described(store: &mut Store, asked: &Asked) -> Result<Item, Canned> {
    let body = asked.json();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let parent = body["parents"][0].as_str().unwrap_or("root");
    let parent = store.place(parent, asked.is("supportsAllDrives"))?;
    let id = match text("id") {
        Some(id) if store.items.contains_key(&id) => return Err(taken()),
        Some(id) if !store.reserved.contains(&id) => {
            return Err(invalid("The provided file ID is not usable."));
        }
        Some(id) => id,
        None => store.fresh("Made"),
    };
    let usual = "application/octet-stream".to_owned();
    Ok(Item {
        id,
        name: text("name").unwrap_or_else(|| "Untitled".to_owned()),
        mime: text("mimeType").unwrap_or(usual),
        parents: vec![parent],
        bytes: Vec::new(),
        trashed: false,
        named_at: store.now,
        readers: Vec::new(),
    })
}

pub(super) fn insert(store: &mut Store, item: Item) -> Value {
    let id = item.id.clone();
    store.items.insert(id.clone(), item);
    store.rendered(&store.items[&id])
}

/// The answer about one file, with the fields that were asked for.
pub(super) fn file(asked: &Asked, rendered: &Value) -> Canned {
    ok(&pick(rendered, asked.get("fields").unwrap_or(USUAL_FILE)))
}

pub(super) fn get(store: &mut Store, asked: &Asked, id: &str) -> Result<Canned, Canned> {
    let item = store.item(id, asked.is("supportsAllDrives"))?.clone();
    if asked.get("alt") != Some("media") {
        return Ok(file(asked, &store.rendered(&item)));
    }
    if item.mime == FOLDER {
        let message = "Only files with binary content can be downloaded.";
        return Err(refused(403, "fileNotDownloadable", message));
    }
    let status = if asked.header("range").is_some() {
        206
    } else {
        200
    };
    Ok(Canned::bytes(
        status,
        "application/octet-stream",
        item.bytes,
    ))
}

pub(super) fn list(store: &Store, asked: &Asked) -> Result<Canned, Canned> {
    let clauses = query::parse(asked.get("q").unwrap_or_default());
    let clauses = clauses.ok_or_else(|| invalid("Invalid Value: q"))?;
    let by_name = clauses.iter().any(|c| matches!(c, Clause::Name(_)));
    let everywhere = asked.is("supportsAllDrives") && asked.is("includeItemsFromAllDrives");
    let visible = |item: &&Item| {
        let known = !by_name || store.now.since(item.named_at) >= store.name_lag;
        known && (everywhere || !store.is_on_shared_drive(&item.id))
    };
    let found = store.items.values().filter(visible);
    let found: Vec<&Item> = found
        .filter(|item| clauses.iter().all(|c| c.holds(item)))
        .collect();
    let from = asked.get("pageToken").map_or(Ok(0), str::parse);
    let from: usize = from.map_err(|_| invalid("Invalid Value: pageToken"))?;
    let size = asked.get("pageSize").and_then(|size| size.parse().ok());
    let size = size.unwrap_or(100_usize).clamp(1, 1000);
    let page = found.iter().skip(from).take(size);
    let mut body = json!({
        "kind": "drive#fileList",
        "incompleteSearch": false,
        "files": page.map(|item| store.rendered(item)).collect::<Vec<_>>(),
    });
    if from + size < found.len() {
        body["nextPageToken"] = json!((from + size).to_string());
    }
    Ok(ok(&pick(&body, asked.get("fields").unwrap_or(USUAL_LIST))))
}

pub(super) fn copy(store: &mut Store, asked: &Asked, id: &str) -> Result<Canned, Canned> {
    let source = store.item(id, asked.is("supportsAllDrives"))?.clone();
    if source.mime == FOLDER {
        return Err(refused(
            403,
            "cannotCopyFile",
            "This file cannot be copied by the user.",
        ));
    }
    let described = described(store, asked)?;
    has_room(store, &described.parents[0])?;
    let rendered = insert(
        store,
        Item {
            mime: source.mime,
            bytes: source.bytes,
            ..described
        },
    );
    Ok(file(asked, &rendered))
}

/// A service account stores nothing in a Drive of its own.
pub(super) fn has_room(store: &Store, parent: &str) -> Result<(), Canned> {
    if store.signer.is_none() || store.is_on_shared_drive(parent) {
        return Ok(());
    }
    let message = "Service Accounts do not have storage quota. Leverage shared drives \
                   (https://developers.google.com/workspace/drive/api/guides/about-shareddrives), or \
                   use OAuth delegation (http://support.google.com/a/answer/7281227) instead.";
    Err(refused(403, "storageQuotaExceeded", message))
}

pub(super) fn update(store: &mut Store, asked: &Asked, id: &str) -> Result<Canned, Canned> {
    let (body, now) = (asked.json(), store.now);
    let item = store.item(id, asked.is("supportsAllDrives"))?;
    if let Some(name) = body["name"].as_str() {
        name.clone_into(&mut item.name);
        item.named_at = now;
    }
    if let Some(trashed) = body["trashed"].as_bool() {
        item.trashed = trashed;
    }
    let item = item.clone();
    Ok(file(asked, &store.rendered(&item)))
}

pub(super) fn delete(store: &mut Store, asked: &Asked, id: &str) -> Result<Canned, Canned> {
    store.item(id, asked.is("supportsAllDrives"))?;
    if store.is_on_shared_drive(id) && !store.is_manager {
        let message = "The user does not have sufficient permissions for this file.";
        return Err(refused(403, "insufficientFilePermissions", message));
    }
    let removed = store.items.remove(id);
    removed.map(|_| gone()).ok_or_else(|| absent(id))
}

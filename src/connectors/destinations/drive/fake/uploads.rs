//! The fake's resumable uploads: a session, chunks of multiples of 256 KiB, and what is kept.

use super::answers::{Canned, absent, invalid, refused, taken};
use super::doors::Asked;
use super::files::{described, file, has_room, insert};
use super::mischief::Mischief;
use super::store::{Item, Store};

const STEP: usize = 262_144;

/// An upload under way, or just finished.
pub(super) struct Sending {
    item: Item,
    replaces: bool,
    total: Option<usize>,
    kept: Vec<u8>,
    done: bool,
}

/// `a-b/total` of a `Content-Range`; none of the first: it only asks.
struct Range {
    part: Option<(usize, usize)>,
    total: Option<usize>,
}

pub(super) fn open(
    store: &mut Store,
    asked: &Asked,
    id: Option<&str>,
    base_url: &str,
) -> Result<Canned, Canned> {
    if asked.get("uploadType") != Some("resumable") {
        return Err(invalid("The fake takes resumable uploads only."));
    }
    let mut item = match id {
        Some(id) => store.item(id, asked.is("supportsAllDrives"))?.clone(),
        None => described(store, asked)?,
    };
    has_room(store, &item.parents[0])?;
    if let Some(mime) = asked.header("x-upload-content-type")
        && asked.json()["mimeType"].is_null()
    {
        mime.clone_into(&mut item.mime);
    }
    let length = asked.header("x-upload-content-length");
    let session = store.fresh("Session");
    let sending = Sending {
        item,
        replaces: id.is_some(),
        total: length.and_then(|length| length.parse().ok()),
        kept: Vec::new(),
        done: false,
    };
    store.sendings.insert(session.clone(), sending);
    let mask = asked.get("fields").unwrap_or("*");
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("uploadType", "resumable")
        .append_pair("supportsAllDrives", "true")
        .append_pair("fields", mask)
        .append_pair("upload_id", &session)
        .finish();
    let location = format!("{base_url}/upload/drive/v3/files?{query}");
    Ok(Canned::page(200, "").with("Location", location))
}

/// The session is forgotten, with all it had.
pub(super) fn end(store: &mut Store, asked: &Asked) {
    if let Some(session) = asked.get("upload_id") {
        store.sendings.remove(session);
    }
}

/// A chunk, or the question how much arrived.
pub(super) fn put(
    store: &mut Store,
    asked: &Asked,
    mischief: Option<&Mischief>,
) -> Result<Canned, Canned> {
    let session = asked.get("upload_id").unwrap_or_default();
    let range = asked.header("content-range").map(range);
    let whole = Some(Range {
        part: asked.body.len().checked_sub(1).map(|last| (0, last)),
        total: Some(asked.body.len()),
    });
    let range = range
        .unwrap_or(whole)
        .ok_or_else(|| invalid("Failed to parse Content-Range header."))?;
    store.received += asked.body.len() as u64;
    let sending = store
        .sendings
        .get_mut(session)
        .ok_or_else(|| absent("upload"))?;
    if let (false, Some((first, last))) = (sending.done, range.part) {
        sending.take(asked, (first, last), range.total, mischief)?;
    }
    sending.total = range.total.or(sending.total);
    if !sending.done && sending.total == Some(sending.kept.len()) {
        finish(store, session)?;
    }
    let sending = &store.sendings[session];
    if sending.done {
        let item = store.items.get(&sending.item.id);
        let item = item.ok_or_else(|| absent(&sending.item.id))?;
        return Ok(file(asked, &store.rendered(item)));
    }
    let unfinished = Canned::page(308, "");
    if sending.kept.is_empty() || mischief == Some(&Mischief::LosesRange) {
        return Ok(unfinished);
    }
    Ok(unfinished.with("Range", format!("bytes=0-{}", sending.kept.len() - 1)))
}

impl Sending {
    fn take(
        &mut self,
        asked: &Asked,
        (first, last): (usize, usize),
        total: Option<usize>,
        mischief: Option<&Mischief>,
    ) -> Result<(), Canned> {
        let chunk = &asked.body;
        if last < first || last - first + 1 != chunk.len() {
            return Err(invalid("Content-Range and the body's length differ."));
        }
        if first != self.kept.len() {
            let message = format!(
                "Invalid request. There were {first} bytes before, we have {}.",
                self.kept.len()
            );
            return Err(invalid(&message));
        }
        let is_last = total == Some(last + 1);
        if !is_last && !chunk.len().is_multiple_of(STEP) {
            return Err(refused(
                400,
                "badRequest",
                "The number of bytes uploaded is required to be equal or greater than 262144, except for the final request.",
            ));
        }
        let keeps = match mischief {
            Some(Mischief::KeepsOnly(bytes)) => chunk.len().min(*bytes),
            _ => chunk.len(),
        };
        self.kept.extend_from_slice(&chunk[..keeps]);
        if mischief == Some(&Mischief::Spoils)
            && let Some(byte) = self.kept.last_mut()
        {
            *byte ^= 0xff;
        }
        Ok(())
    }
}

fn finish(store: &mut Store, session: &str) -> Result<(), Canned> {
    let Some(sending) = store.sendings.get_mut(session) else {
        return Err(absent("upload"));
    };
    if !sending.replaces && store.items.contains_key(&sending.item.id) {
        return Err(taken());
    }
    sending.done = true;
    sending.item.bytes = std::mem::take(&mut sending.kept);
    sending.item.named_at = store.now;
    let item = sending.item.clone();
    insert(store, item);
    Ok(())
}

fn range(text: &str) -> Option<Range> {
    let (part, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    let part = match part {
        "*" => None,
        part => {
            let (first, last) = part.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        }
    };
    Some(Range { part, total })
}

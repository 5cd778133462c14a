//! Pictures of courses. The catalogue names them by an address or by a path beside its file; of a
//! path only the file's name counts, and the file is looked for in one configured folder.

use std::path::{Path, PathBuf};

use axum::extract::Path as Name;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::Shop;
use crate::error::{Error, Result};
use crate::web::visit::Visit;

/// What is served, by the ending of its name.
const KINDS: [(&str, &str); 5] = [
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
];

/// A larger picture is no cover; it is read into memory.
const LARGEST: u64 = 4 * 1024 * 1024;

/// An SVG is a document: opened by itself it must neither run nor load anything.
const INERT: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The address of a cover as the catalogue names it, where there can be one.
#[must_use]
pub fn url(shop: &Shop, cover: &str) -> Option<String> {
    if cover.contains("://") {
        // Pages load no picture over plain http.
        return cover.starts_with("https://").then(|| cover.to_owned());
    }
    let name = cover.rsplit('/').next()?;
    shop.covers.as_ref()?;
    content_type(name)?;
    Some(format!("/covers/{}", utf8_percent_encode(name, NAME)))
}

/// `GET /covers/{name}`.
pub async fn serve(visit: Visit, Name(name): Name<String>) -> Response {
    let folder = visit.app.config.shop.covers.clone();
    match picture(folder, name).await {
        Ok((kind, bytes)) => {
            let headers = [
                (CONTENT_TYPE, kind),
                (CACHE_CONTROL, "public, max-age=3600"),
                (CONTENT_SECURITY_POLICY, INERT),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, bytes).into_response()
        }
        Err(error) => visit.failed(&error),
    }
}

async fn picture(folder: Option<PathBuf>, name: String) -> Result<(&'static str, Vec<u8>)> {
    let (Some(folder), Some(kind)) = (folder, content_type(&name)) else {
        return Err(Error::NotFound("cover"));
    };
    let read = tokio::task::spawn_blocking(move || read_below(&folder, &name)).await?;
    let bytes = read.ok_or(Error::NotFound("cover"))?;
    Ok((kind, bytes))
}

/// The picture of this name, if it is a file of the folder itself, also after links were followed.
fn read_below(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let folder = folder.canonicalize().ok()?;
    let place = folder.join(name).canonicalize().ok()?;
    let metadata = place.metadata().ok()?;
    let fits = metadata.is_file() && metadata.len() <= LARGEST;
    (fits && place.parent() == Some(&folder)).then(|| std::fs::read(place).ok())?
}

/// By the ending of a plain file name; nothing for what is no such name.
fn content_type(name: &str) -> Option<&'static str> {
    let plain = !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
    let (_, ending) = name.rsplit_once('.').filter(|_| plain)?;
    let ending = ending.to_ascii_lowercase();
    let known = KINDS.iter().find(|(known, _)| *known == ending);
    known.map(|(_, kind)| *kind)
}

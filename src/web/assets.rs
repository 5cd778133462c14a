//! The stylesheet and the small scripts, embedded in the binary and served under `/assets/{name}`.
//! Their addresses carry a digest of their content, so browsers may keep them for a year.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// One embedded file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// The name after `/assets/`.
    pub name: &'static str,
    /// The media type.
    pub content_type: &'static str,
    /// The content.
    pub bytes: &'static [u8],
}

macro_rules! embed {
    ($($name:literal: $content_type:expr,)*) => {
        &[$(Asset {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../assets/", $name)),
        },)*]
    };
}

/// All of them.
pub const ASSETS: &[Asset] = embed! {
    "admin.css": CSS,
    "base.css": CSS,
    "order.css": CSS,
    "shop.css": CSS,
    "live.js": SCRIPT,
    "shop.js": SCRIPT,
    "favicon.svg": SVG,
};

static VERSIONS: LazyLock<Vec<String>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| version(asset.bytes)).collect());

/// The asset of this name.
#[must_use]
pub fn asset(name: &str) -> Option<Asset> {
    ASSETS.iter().find(|asset| asset.name == name).copied()
}

/// The address of an asset, with the version of its content: `/assets/base.css?v=…`.
#[must_use]
pub fn url(name: &str) -> String {
    let place = ASSETS.iter().position(|asset| asset.name == name);
    let version = place.map_or("", |place| VERSIONS[place].as_str());
    format!("/assets/{name}?v={version}")
}

/// `GET /assets/{name}`.
pub async fn serve(Path(name): Path<String>) -> Response {
    let Some(asset) = asset(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.bytes).into_response()
}

fn version(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..6])
}

//! The answers to PROPFIND (RFC 4918, sections 9.1 and 14). Elements are known by their local names:
//! each server has a prefix of its own for the namespace `DAV:`.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::clock::Timestamp;

/// What is asked for: four properties that a store needs, and no more.
pub(super) const QUESTION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
<propfind xmlns=\"DAV:\"><prop><resourcetype/><getcontentlength/><getlastmodified/><getetag/></prop></propfind>";

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    /// Its path on the host, decoded, without a slash at the end.
    pub path: String,
    /// A collection holds others; anything else is a file.
    pub is_collection: bool,
    pub size: Option<u64>,
    pub modified: Option<Timestamp>,
    pub etag: Option<String>,
}

#[derive(Deserialize)]
struct Multistatus {
    #[serde(default)]
    response: Vec<Response>,
}

#[derive(Deserialize)]
struct Response {
    href: String,
    #[serde(default)]
    propstat: Vec<Propstat>,
}

#[derive(Deserialize)]
struct Propstat {
    #[serde(default)]
    prop: Prop,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Prop {
    resourcetype: Option<ResourceType>,
    getcontentlength: Option<String>,
    getlastmodified: Option<String>,
    getetag: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ResourceType {
    collection: Option<IgnoredAny>,
}

/// The resources of a `207 Multi-Status`. `None`: the body is no such thing.
pub(super) fn resources(body: &[u8]) -> Option<Vec<Resource>> {
    let text = std::str::from_utf8(body).ok()?;
    if !text.contains("multistatus") {
        return None;
    }
    let answer: Multistatus = quick_xml::de::from_str(text).ok()?;
    answer.response.into_iter().map(resource).collect()
}

/// Properties that a server has not come in a `propstat` of their own with status 404 and without
/// values, so every value that is there is one of this resource.
fn resource(response: Response) -> Option<Resource> {
    let mut found = Prop::default();
    for propstat in response.propstat {
        let prop = propstat.prop;
        found.resourcetype = found.resourcetype.or(prop.resourcetype);
        found.getcontentlength = found.getcontentlength.or(prop.getcontentlength);
        found.getlastmodified = found.getlastmodified.or(prop.getlastmodified);
        found.getetag = found.getetag.or(prop.getetag);
    }
    let is_collection = found
        .resourcetype
        .is_some_and(|kind| kind.collection.is_some());
    Some(Resource {
        path: path_of(&response.href)?,
        is_collection,
        size: found
            .getcontentlength
            .and_then(|size| size.trim().parse().ok()),
        modified: found.getlastmodified.and_then(|date| moment(date.trim())),
        etag: found.getetag.as_deref().map(etag),
    })
}

/// Without quotes. Apache marks the tag of a fresh file as weak and drops the mark later: the rest
/// stays the same.
pub(super) fn etag(text: &str) -> String {
    text.trim()
        .trim_start_matches("W/")
        .trim_matches('"')
        .to_owned()
}

/// Of an `href`, which is an absolute address or a path, percent-encoded.
fn path_of(href: &str) -> Option<String> {
    let path = match href.trim().split_once("://") {
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => href.trim(),
    };
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    Some(decoded.trim_end_matches('/').to_owned())
}

/// An HTTP date, which is one of RFC 2822 too.
fn moment(date: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(date).ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}

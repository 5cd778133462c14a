//! Lists in pages. The next page is an address in an answer: the token goes there only if it is the
//! site's own.

use reqwest::Url;

use crate::connectors::Fault;

/// The `next` of a `Link` header, where there is one and it leads to the same site.
pub(super) fn next(base: &Url, link: Option<&str>) -> Result<Option<Url>, Fault> {
    let Some(address) = link.and_then(|link| relation(link, "next")) else {
        return Ok(None);
    };
    match base.join(address) {
        Ok(url) if url.origin() == base.origin() => Ok(Some(url)),
        _ => Err(Fault::ConnectionBroken {
            why: "The LMS continues a list at another address than base_url, and the token is not \
                  sent there: put the address that the site gives itself into base_url."
                .to_owned(),
        }),
    }
}

/// `<https://site/…?page=2>; rel="next", <…>; rel="last"`
fn relation<'a>(link: &'a str, wanted: &str) -> Option<&'a str> {
    let mut rest = link;
    while let Some((_, from_address)) = rest.split_once('<') {
        let (address, from_parameters) = from_address.split_once('>')?;
        let end = from_parameters.find('<').unwrap_or(from_parameters.len());
        let (parameters, following) = from_parameters.split_at(end);
        let is_wanted = parameters.split([';', ',']).any(|parameter| {
            let value = parameter.trim().strip_prefix("rel=");
            value.is_some_and(|value| value.trim_matches('"') == wanted)
        });
        if is_wanted {
            return Some(address);
        }
        rest = following;
    }
    None
}

//! A visit by a person with a browser: in which language, to which page, from where; and HTML in
//! answer, with the headers that every page needs. Programs speak to `web/api` instead.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, ETAG, HOST, IF_NONE_MATCH,
    ORIGIN, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use url::{Url, form_urlencoded};

use super::caller::Caller;
use super::error_page::{ErrorView, Problem as Reason};
use super::frame::{self, Frame};
use super::state::Web;
use crate::app::App;
use crate::error::{Error, Result};
use crate::words::Locale;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");

/// Remembers a language that was chosen by `?lang=`; nothing else is ever kept in a browser.
const LANGUAGE_COOKIE: &str = "lang";
const YEAR: u32 = 365 * 86_400;

/// One visit.
#[derive(Clone)]
pub struct Visit {
    /// The running Bursar.
    pub app: Arc<App>,
    /// Who is calling.
    pub caller: Caller,
    /// What the browser sent.
    pub headers: HeaderMap,
    uri: Uri,
}

/// Who may keep a page, and who may learn its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// Anybody's page. Its forms are told apart from other sites' by their `Origin`, so the referrer
    /// policy must let that through.
    Open,
    /// The address is a secret. The browser asks again before it shows a copy.
    Secret,
    /// As [`Self::Secret`], and no copy is kept: the page is full of links that run out.
    Fleeting,
    /// The seller's own: no copy is kept, and its forms are told apart by their `Origin`.
    Inside,
}

impl FromRequestParts<Web> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Infallible> {
        Ok(Self {
            app: Arc::clone(&web.app),
            caller: Caller::from_request_parts(parts, web).await?,
            headers: parts.headers.clone(),
            uri: parts.uri.clone(),
        })
    }
}

impl Visit {
    /// The values of a parameter of the address.
    pub fn asked<'v>(&'v self, name: &'v str) -> impl Iterator<Item = String> + 'v {
        let query = self.uri.query().unwrap_or_default().as_bytes();
        form_urlencoded::parse(query)
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The language that this person chose with a click, now or before.
    #[must_use]
    pub fn chosen_locale(&self) -> Option<Locale> {
        self.clicked_locale().or_else(|| self.remembered_locale())
    }

    /// The chosen language, else the one that the browser asks for.
    #[must_use]
    pub fn locale(&self) -> Locale {
        self.chosen_locale().unwrap_or(self.caller.locale)
    }

    /// What is around the page.
    #[must_use]
    pub fn frame(&self, locale: Locale) -> Frame {
        let shop = &self.app.config.shop;
        Frame {
            locale,
            shop_name: shop.name.clone(),
            support_email: shop.support_email.clone(),
            utc_offset_minutes: shop.utc_offset_minutes,
            path: self.path().to_owned(),
            demo: self.app.is_demo(),
        }
    }

    /// A form on a page of another site sent this. Where a browser says nothing about it, or it is
    /// no browser, nobody's rights were borrowed.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        match (self.header(&SEC_FETCH_SITE), self.header(&ORIGIN)) {
            (Some(site), _) => !matches!(site, "same-origin" | "none"),
            (None, Some(origin)) => !self.is_ours(origin),
            (None, None) => false,
        }
    }

    /// The browser has this version already.
    #[must_use]
    pub fn has(&self, etag: &str) -> bool {
        let Some(known) = self.header(&IF_NONE_MATCH) else {
            return false;
        };
        let weakly = |tag: &str| tag.trim().trim_start_matches("W/") == etag;
        known.trim() == "*" || known.split(',').any(weakly)
    }

    /// A page.
    #[must_use]
    pub fn page(&self, status: StatusCode, html: String, privacy: Privacy) -> Response {
        let mut response = (status, html).into_response();
        let out = response.headers_mut();
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        out.insert(CONTENT_TYPE, html);
        let policy = HeaderValue::from_static(frame::CONTENT_SECURITY_POLICY);
        out.insert(CONTENT_SECURITY_POLICY, policy);
        describe(out, privacy);
        self.remember_locale(out);
        response
    }

    /// A page with a version, or only the news that it is still the same.
    pub fn versioned_page(
        &self,
        etag: &str,
        html: impl FnOnce() -> Result<String>,
        privacy: Privacy,
    ) -> Result<Response> {
        let mut response = if self.has(etag) {
            let mut unchanged = StatusCode::NOT_MODIFIED.into_response();
            describe(unchanged.headers_mut(), privacy);
            self.remember_locale(unchanged.headers_mut());
            unchanged
        } else {
            self.page(StatusCode::OK, html()?, privacy)
        };
        response
            .headers_mut()
            .insert(ETAG, HeaderValue::from_str(etag)?);
        Ok(response)
    }

    /// The page in place of a page. What went wrong inside goes to the log, once.
    #[must_use]
    pub fn failed(&self, error: &Error) -> Response {
        let request = self.caller.request_id.0.as_str();
        if let Error::Internal(inside) = error {
            tracing::error!(request, "request {request} failed: {inside:#}");
        }
        let problem = reason(error);
        let view = ErrorView {
            frame: self.frame(self.locale()),
            problem,
            request_id: (problem == Reason::Internal).then(|| request.to_owned()),
        };
        let html = view.page().unwrap_or_default();
        let status = StatusCode::from_u16(problem.status()).unwrap_or_default();
        let mut response = self.page(status, html, Privacy::Fleeting);
        if let Error::TooMany(after) = error {
            let seconds = after.as_secs().max(1);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }

    /// The path for links back to this page. A second slash would make a link to another site of it.
    fn path(&self) -> &str {
        let path = self.uri.path();
        match path.strip_prefix('/') {
            Some(rest) if !rest.starts_with(['/', '\\']) => path,
            _ => "/",
        }
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The host that the browser itself asked, or the address in our settings: a proxy may have
    /// changed the one, a second name of the shop is not in the other.
    fn is_ours(&self, origin: &str) -> bool {
        let host = origin.split_once("://").map(|(_, host)| host);
        let public = Url::parse(&self.app.config.public_url);
        let public = public.map(|url| url.origin().ascii_serialization());
        (host.is_some() && host == self.header(&HOST)) || public.is_ok_and(|ours| ours == origin)
    }

    fn clicked_locale(&self) -> Option<Locale> {
        self.asked("lang").find_map(|tag| Locale::parse(&tag))
    }

    fn remembered_locale(&self) -> Option<Locale> {
        let cookies = self.header(&COOKIE)?.split(';');
        let mut pairs = cookies.filter_map(|pair| pair.trim().split_once('='));
        let (_, tag) = pairs.find(|(name, _)| *name == LANGUAGE_COOKIE)?;
        Locale::parse(tag)
    }

    fn remember_locale(&self, out: &mut HeaderMap) {
        let Some(locale) = self.clicked_locale() else {
            return;
        };
        let tag = locale.tag();
        let cookie =
            format!("{LANGUAGE_COOKIE}={tag}; Path=/; Max-Age={YEAR}; SameSite=Lax; HttpOnly");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            out.insert(SET_COOKIE, cookie);
        }
    }
}

fn describe(out: &mut HeaderMap, privacy: Privacy) {
    let (cache, referrer) = match privacy {
        Privacy::Open => ("private, no-cache", "same-origin"),
        Privacy::Secret => ("private, no-cache", "no-referrer"),
        Privacy::Fleeting => ("no-store", "no-referrer"),
        Privacy::Inside => ("no-store", "same-origin"),
    };
    out.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(REFERRER_POLICY, HeaderValue::from_static(referrer));
    let nosniff = HeaderValue::from_static("nosniff");
    out.insert(X_CONTENT_TYPE_OPTIONS, nosniff);
    if privacy != Privacy::Open {
        out.insert(X_ROBOTS_TAG, HeaderValue::from_static("noindex"));
    }
}

fn reason(error: &Error) -> Reason {
    match error {
        Error::NotFound(_) => Reason::NotFound,
        Error::Forbidden(_) => Reason::Forbidden,
        Error::TooMany(after) => Reason::TooMany(*after),
        Error::Refused(_) | Error::Invalid(_) | Error::Conflict(_) | Error::Internal(_) => {
            Reason::Internal
        }
    }
}

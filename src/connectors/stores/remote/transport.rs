//! HTTP for opendal over our own client, so that there is one client library and one way of TLS.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::stream::BoxStream;
use futures_util::{Stream, TryStreamExt};
use http::{Method, Request, Response};
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport, Result};

use crate::connectors::http::patient_client;
use crate::connectors::quote::quote;

pub(super) struct Transport(reqwest::Client);

impl Transport {
    pub(super) fn new() -> anyhow::Result<Self> {
        patient_client().map(Self)
    }
}

impl HttpTransport for Transport {
    async fn fetch(&self, request: Request<Buffer>) -> Result<Response<HttpBody>> {
        // The answer to a HEAD announces a length and has no body.
        let has_body = request.method() != Method::HEAD;
        let request = request.map(|body| body.to_bytes());
        let request = reqwest::Request::try_from(request).map_err(|error| lost(&error))?;
        let answer = self.0.execute(request).await;
        let answer = answer.map_err(|error| lost(&error))?;
        let size = answer.content_length().filter(|_| has_body);
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let pieces = answer.bytes_stream();
        let pieces = pieces.map_ok(Buffer::from).map_err(|error| lost(&error));
        let body = HttpBody::new(Shared(Mutex::new(Box::pin(pieces))), size);
        response.body(body).map_err(|error| {
            Error::new(ErrorKind::Unexpected, "an answer without a form").set_source(error)
        })
    }
}

/// opendal wants a stream that may be shared between threads, and never does share it.
struct Shared(Mutex<BoxStream<'static, Result<Buffer>>>);

impl Stream for Shared {
    type Item = Result<Buffer>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let inner = self.get_mut().0.get_mut();
        let inner = inner.unwrap_or_else(PoisonError::into_inner);
        inner.as_mut().poll_next(context)
    }
}

/// The client's own words name the URL, and a signed one is a key: only the innermost cause is told.
fn lost(error: &reqwest::Error) -> Error {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let why = if cause.is::<reqwest::Error>() {
        "the connection was lost".to_owned()
    } else {
        quote(&cause.to_string(), &[])
    };
    Error::new(ErrorKind::Unexpected, why).set_temporary()
}

//! One call: address, token, exchange, verdict. A token that was not accepted is renewed once; that
//! is no second try of the call, because Google did nothing for the first.

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap};
use reqwest::{Method, RequestBuilder, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Drive;
use super::trouble::{Trouble, judge, lost, unclear};
use crate::connectors::http::{Aim, Answer, exchange_with_headers};

impl Drive {
    /// The address of a call. Every call says that it knows shared drives: without it nothing on one
    /// exists.
    pub(super) fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url.query_pairs_mut()
            .append_pair("supportsAllDrives", "true")
            .extend_pairs(query);
        url
    }

    /// Below `/drive/v3`.
    pub(super) fn api(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let path: Vec<&str> = ["drive", "v3"].iter().chain(segments).copied().collect();
        self.url(&path, query)
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, Trouble> {
        let request = self.client.get(url);
        understood(&self.call(Aim::Read, request).await?, Aim::Read)
    }

    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: &Value,
    ) -> Result<T, Trouble> {
        let request = self.client.request(method, url).json(body);
        understood(&self.call(Aim::Write, request).await?, Aim::Write)
    }

    /// A call whose answer says enough by its status.
    pub(super) async fn delete(&self, url: Url) -> Result<(), Trouble> {
        match self.call(Aim::Write, self.client.delete(url)).await {
            // Gone already is what was asked for.
            Ok(_) | Err(Trouble::Absent) => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    pub(super) async fn call(&self, aim: Aim, request: RequestBuilder) -> Result<Answer, Trouble> {
        let (answer, _) = self.exchange(aim, request).await?;
        judge(&answer, aim, self.auth.is_service_account())?;
        Ok(answer)
    }

    /// Whatever was answered, with its headers.
    pub(super) async fn exchange(
        &self,
        aim: Aim,
        request: RequestBuilder,
    ) -> Result<(Answer, HeaderMap), Trouble> {
        let request = request.header(ACCEPT, "application/json");
        let again = request.try_clone();
        let bearer = self.auth.bearer(None).await?;
        let (answer, headers) = self.send(aim, request, bearer.clone()).await?;
        match again {
            Some(again) if answer.status == 401 => {
                let renewed = self.auth.bearer(Some(&bearer)).await?;
                self.send(aim, again, renewed).await
            }
            _ => Ok((answer, headers)),
        }
    }

    async fn send(
        &self,
        aim: Aim,
        request: RequestBuilder,
        bearer: reqwest::header::HeaderValue,
    ) -> Result<(Answer, HeaderMap), Trouble> {
        let request = request.header(AUTHORIZATION, bearer);
        let exchanged = exchange_with_headers(request, self.limits).await;
        exchanged.map_err(|why| lost(why, aim))
    }
}

pub(super) fn understood<T: DeserializeOwned>(answer: &Answer, aim: Aim) -> Result<T, Trouble> {
    serde_json::from_slice(&answer.body).map_err(|_| unclear(aim))
}

//! The fake's token server: the grant of a service account, whose signature it checks, and that of a
//! refresh token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use super::Site;
use super::answers::Canned;
use super::store::Store;
use crate::connectors::destinations::drive::auth::from_pem;

pub(super) const CLIENT_ID: &str = "client-of-the-fake";
pub(super) const CLIENT_SECRET: &str = "secret-of-the-fake";
pub(super) const REFRESH_TOKEN: &str = "refresh-token-of-the-fake";

/// Whose assertions are accepted.
pub(super) struct Signer {
    email: String,
    key: Vec<u8>,
}

impl Signer {
    /// From the JSON file with a service account's key.
    pub fn read(file: &str) -> anyhow::Result<Self> {
        use anyhow::Context as _;
        let file: Value = serde_json::from_str(file).context("the fake's key file")?;
        let pem = file["private_key"].as_str().and_then(from_pem);
        let pair = RsaKeyPair::from_pkcs8(&pem.context("no PEM in the fake's key file")?);
        let pair = pair.ok().context("no RSA key in the fake's key file")?;
        Ok(Self {
            email: file["client_email"].as_str().unwrap_or_default().to_owned(),
            key: pair.public_key().as_ref().to_vec(),
        })
    }
}

/// Answer a request for a token.
pub(super) fn give(site: &Site, store: &mut Store, body: &[u8]) -> Canned {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
    let field = |name: &str| {
        let found = form.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    let is_theirs = match field("grant_type") {
        "refresh_token" => {
            if (field("client_id"), field("client_secret")) != (CLIENT_ID, CLIENT_SECRET) {
                return refused(401, "invalid_client", "The OAuth client was not found.");
            }
            field("refresh_token") == REFRESH_TOKEN && store.signer.is_none()
        }
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => is_asserted(
            store,
            field("assertion"),
            &format!("{}/token", site.base_url),
        ),
        _ => return refused(400, "unsupported_grant_type", "Invalid grant_type"),
    };
    if !is_theirs || !store.consent {
        return refused(400, "invalid_grant", "Token has been expired or revoked.");
    }
    store.given += 1;
    let token = format!("token-of-the-fake-{}", store.given);
    store.tokens.insert(token.clone());
    Canned::json(
        200,
        &json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"}),
    )
}

/// RFC 7523, as far as Google checks it.
fn is_asserted(store: &Store, assertion: &str, audience: &str) -> bool {
    let Some(signer) = &store.signer else {
        return false;
    };
    let Some((claimed, signature)) = assertion.rsplit_once('.') else {
        return false;
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &signer.key);
    let is_signed = key.verify(claimed.as_bytes(), &decode(signature)).is_ok();
    let claims = claimed.split('.').nth(1).map(decode).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
    let now = store.now.unix_seconds();
    let at = |name: &str| claims[name].as_i64().unwrap_or_default();
    is_signed
        && claims["iss"] == signer.email.as_str()
        && claims["aud"] == audience
        && claims["scope"]
            .as_str()
            .is_some_and(|scope| scope.contains("/auth/drive"))
        && (at("iat") - now).abs() <= 300
        && at("exp") > now
        && at("exp") <= at("iat") + 3600
}

fn refused(status: u16, error: &str, description: &str) -> Canned {
    let body = json!({"error": error, "error_description": description});
    Canned::json(status, &body)
}

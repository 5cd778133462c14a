//! Who we are to Google: a service account that signs for itself, or the seller's consent.
//! A token is kept until shortly before its end; who needs a new one waits for the one that is on
//! its way. Source: developers.google.com/identity/protocols/oauth2/service-account (the JWT grant).

use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Url;
use reqwest::header::HeaderValue;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::trouble::{Trouble, lost, said_by_token_server};
use crate::clock::{Clock, Timestamp};
use crate::config::{self, Secret};
use crate::connectors::Fault;
use crate::connectors::http::{Aim, Limits, absolute, exchange};

const USUAL_ADDRESS: &str = "https://oauth2.googleapis.com/token";
/// A service account sees only what it was given, so the wide scope gives it nothing more; a shared
/// drive cannot be looked at with the narrow one.
const SCOPE: &str = "https://www.googleapis.com/auth/drive";
const JWT_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Google allows an hour; a little less, for clocks that differ.
const ASSERTION_LIFE: Duration = Duration::from_secs(3595);
/// A token is not used so shortly before its end.
const MARGIN: Duration = Duration::from_mins(5);
const USUAL_LIFE: u64 = 3600;
const LONGEST_KEY_FILE: u64 = 64 * 1024;

/// Gets tokens and keeps the present one.
pub(super) struct Auth {
    identity: Identity,
    token_url: Url,
    client: reqwest::Client,
    limits: Limits,
    clock: Clock,
    held: Mutex<Option<Token>>,
}

enum Identity {
    ServiceAccount(Box<ServiceAccount>),
    Seller {
        client_id: Secret,
        client_secret: Secret,
        refresh_token: Secret,
    },
}

struct ServiceAccount {
    email: String,
    key_id: String,
    key: RsaKeyPair,
    act_as: Option<String>,
}

struct Token {
    bearer: HeaderValue,
    until: Timestamp,
}

/// The JSON file that Google's console gives for a service account.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    private_key: String,
    #[serde(default)]
    private_key_id: String,
    #[serde(default)]
    token_uri: String,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    expires_in: Option<u64>,
}

impl Auth {
    pub fn new(
        settings: &config::Drive,
        client: reqwest::Client,
        clock: Clock,
        limits: Limits,
    ) -> anyhow::Result<Self> {
        let (identity, told) = if settings.has_service_account() {
            let file = key_file(settings)?;
            let told = file.token_uri.clone();
            (service_account(file, &settings.act_as)?, told)
        } else {
            (seller(settings)?, String::new())
        };
        let addresses = [settings.token_url.trim(), told.trim(), USUAL_ADDRESS];
        let address = addresses.into_iter().find(|address| !address.is_empty());
        Ok(Self {
            identity,
            token_url: absolute(address.unwrap_or(USUAL_ADDRESS)).context("token_url")?,
            client,
            limits,
            clock,
            held: Mutex::new(None),
        })
    }

    /// Who asks, for a sentence to the seller.
    pub fn is_service_account(&self) -> bool {
        matches!(self.identity, Identity::ServiceAccount(_))
    }

    /// A token as a header. `refused` is one that was not accepted: it is not given again.
    pub async fn bearer(&self, refused: Option<&HeaderValue>) -> Result<HeaderValue, Trouble> {
        let mut held = self.held.lock().await;
        let now = self.clock.now();
        if let Some(token) = held.as_ref()
            && refused != Some(&token.bearer)
            && token.until > now.plus(MARGIN)
        {
            return Ok(token.bearer.clone());
        }
        let token = self.fetch(now).await?;
        let bearer = token.bearer.clone();
        *held = Some(token);
        Ok(bearer)
    }

    async fn fetch(&self, now: Timestamp) -> Result<Token, Trouble> {
        let request = self
            .client
            .post(self.token_url.clone())
            .form(&self.form(now)?);
        let answer = exchange(request, self.limits).await;
        let answer = answer.map_err(|why| lost(why, Aim::Read))?;
        if answer.status != 200 {
            return Err(said_by_token_server(&answer, self.is_service_account()));
        }
        let given: Given = serde_json::from_slice(&answer.body).map_err(|_| {
            broken("What answers at the token address is not Google: it gives no token.")
        })?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", given.access_token))
            .map_err(|_| broken("Google's token has characters that no token has."))?;
        bearer.set_sensitive(true);
        let life = Duration::from_secs(given.expires_in.unwrap_or(USUAL_LIFE));
        Ok(Token {
            bearer,
            until: now.plus(life),
        })
    }

    fn form(&self, now: Timestamp) -> Result<Vec<(&'static str, String)>, Trouble> {
        match &self.identity {
            Identity::ServiceAccount(account) => Ok(vec![
                ("grant_type", JWT_GRANT.to_owned()),
                (
                    "assertion",
                    account.assertion(self.token_url.as_str(), now)?,
                ),
            ]),
            Identity::Seller {
                client_id,
                client_secret,
                refresh_token,
            } => Ok(vec![
                ("grant_type", "refresh_token".to_owned()),
                ("client_id", client_id.expose().to_owned()),
                ("client_secret", client_secret.expose().to_owned()),
                ("refresh_token", refresh_token.expose().to_owned()),
            ]),
        }
    }
}

impl ServiceAccount {
    /// RFC 7523: who signs, for whom, for how long.
    fn assertion(&self, audience: &str, now: Timestamp) -> Result<String, Trouble> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id});
        let mut claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": audience,
            "iat": now.unix_seconds(),
            "exp": now.plus(ASSERTION_LIFE).unix_seconds(),
        });
        if let Some(user) = &self.act_as {
            claims["sub"] = json!(user);
        }
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| broken("The service account's key cannot sign."))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn key_file(settings: &config::Drive) -> anyhow::Result<KeyFile> {
    let text = if let Some(key) = &settings.key {
        key.expose().to_owned()
    } else {
        let path = &settings.key_file;
        let shown = || format!("key_file {}", path.display());
        let size = std::fs::metadata(path).with_context(shown)?.len();
        anyhow::ensure!(size <= LONGEST_KEY_FILE, "{} is no key file", shown());
        std::fs::read_to_string(path).with_context(shown)?
    };
    // The parser's own words may quote what it read.
    let file: KeyFile = serde_json::from_str(&text)
        .ok()
        .context("the service account's key is not the JSON file that Google's console gives")?;
    anyhow::ensure!(
        file.kind == "service_account",
        "the key file is one of a {:?}, not of a service account",
        file.kind.chars().take(40).collect::<String>()
    );
    Ok(file)
}

fn service_account(file: KeyFile, act_as: &str) -> anyhow::Result<Identity> {
    let der = from_pem(&file.private_key).context("private_key of the key file is no PEM")?;
    let key = RsaKeyPair::from_pkcs8(&der)
        .ok()
        .context("private_key of the key file is no RSA key of at least 2048 bits")?;
    Ok(Identity::ServiceAccount(Box::new(ServiceAccount {
        email: file.client_email,
        key_id: file.private_key_id,
        key,
        act_as: (!act_as.trim().is_empty()).then(|| act_as.trim().to_owned()),
    })))
}

/// PKCS #8 between the usual two lines.
pub(super) fn from_pem(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()
}

fn seller(settings: &config::Drive) -> anyhow::Result<Identity> {
    let part = |name: &'static str, secret: &Option<Secret>| {
        let given = secret.as_ref().map(|s| s.expose().trim());
        given
            .filter(|text| !text.is_empty())
            .map(Secret::new)
            .with_context(|| format!("{name} is missing"))
    };
    Ok(Identity::Seller {
        client_id: part("client_id", &settings.client_id)?,
        client_secret: part("client_secret", &settings.client_secret)?,
        refresh_token: part("refresh_token", &settings.refresh_token)?,
    })
}

fn broken(why: &str) -> Trouble {
    let why = why.to_owned();
    Trouble::Fault(Fault::ConnectionBroken { why })
}

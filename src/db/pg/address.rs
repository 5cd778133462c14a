//! `postgres://user:password@host:port/name?sslmode=…`: what libpq's users write, made of what the
//! driver knows. The address holds a password, so no error quotes it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The driver's settings, and TLS that is used only if they ask for it.
pub(super) fn parse(url: &str) -> anyhow::Result<(Config, MakeRustlsConnect)> {
    let (rest, tls) = split(url)?;
    let mut config: Config = rest.parse().map_err(|_| {
        anyhow!(
            "the address is not of the form postgres://user:password@host:port/name \
             (special characters in the password are written %XX)"
        )
    })?;
    config.ssl_mode(tls.mode);
    // A server that vanished without a word is noticed in a minute, also by the idle listener.
    config.tcp_user_timeout(Duration::from_secs(30));
    config.keepalives_idle(Duration::from_secs(30));
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(10));
    }
    if config.get_application_name().is_none() {
        config.application_name("bursar");
    }
    Ok((config, connector(tls.root_file.as_deref())?))
}

struct Tls {
    mode: SslMode,
    root_file: Option<String>,
}

/// Take `sslmode` and `sslrootcert` out of the address: the driver knows neither all values of the
/// first nor the second.
fn split(url: &str) -> anyhow::Result<(String, Tls)> {
    let mut tls = Tls {
        mode: SslMode::Disable,
        root_file: None,
    };
    let Some((address, query)) = url.rsplit_once('?') else {
        return Ok((url.to_owned(), tls));
    };
    let mut others = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => tls.mode = ssl_mode(mode)?,
            Some(("sslrootcert", file)) => tls.root_file = Some(file.to_owned()),
            _ => others.push(pair),
        }
    }
    Ok((format!("{address}?{}", others.join("&")), tls))
}

/// Whenever TLS is used, the server's name and certificate are checked: encryption towards
/// whoever answers protects nothing. So `require` is as strict as `verify-full`.
fn ssl_mode(mode: &str) -> anyhow::Result<SslMode> {
    match mode {
        "disable" | "allow" | "prefer" => Ok(SslMode::Disable),
        "require" | "verify-ca" | "verify-full" => Ok(SslMode::Require),
        _ => bail!("sslmode is disable, require, verify-ca or verify-full"),
    }
}

/// Trust the public authorities, or only those in `root_file` (PEM): a provider's own.
fn connector(root_file: Option<&str>) -> anyhow::Result<MakeRustlsConnect> {
    let mut roots = RootCertStore::empty();
    match root_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            let what = || format!("reading sslrootcert {file}");
            for certificate in CertificateDer::pem_file_iter(file).with_context(what)? {
                roots
                    .add(certificate.with_context(what)?)
                    .with_context(what)?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

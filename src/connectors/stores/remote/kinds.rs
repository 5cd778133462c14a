//! The kinds: which settings each needs, and what its reports can prove.

use anyhow::{Context, bail};
use opendal::{HttpTransporter, OperationContext, Operator, services};

use super::Traits;
use super::transport::Transport;
use crate::config::{Secret, StoreConnection};
use crate::connectors::stores::Proof;

pub(super) fn operator(at: &StoreConnection) -> anyhow::Result<(Operator, Traits)> {
    let (operator, traits) = match at.kind.as_str() {
        "s3" => (s3(at)?, tagged(at.etag_is_md5)),
        "azblob" => (
            azblob(at)?,
            Traits {
                etag_is_md5: false,
                ..tagged(false)
            },
        ),
        "gcs" => (gcs(at)?, untagged()),
        "b2" => (b2(at)?, untagged()),
        "sftp" => (sftp(at)?, untagged()),
        "memory" => (Operator::new(services::Memory::default())?, untagged()),
        other => bail!("there is no kind of store called {other:?}"),
    };
    let transport = HttpTransporter::new(Transport::new()?);
    let context = OperationContext::new().with_http_transport(transport);
    Ok((operator.with_context(context), traits))
}

/// Amazon S3 and what speaks its language. `ETag`: the MD5 of a file that was sent at once, the MD5 of
/// its parts' and their number otherwise; neither where a key of the customer's encrypts it
/// (docs.aws.amazon.com, "Checking object integrity").
fn tagged(etag_is_md5: bool) -> Traits {
    Traits {
        binds_reads: true,
        etag_is_md5,
        proof: if etag_is_md5 { Proof::Md5 } else { Proof::Size },
    }
}

/// Size alone: a checksum of the whole is kept only for files that were sent at once, if at all.
fn untagged() -> Traits {
    Traits {
        binds_reads: false,
        etag_is_md5: false,
        proof: Proof::Size,
    }
}

fn s3(at: &StoreConnection) -> anyhow::Result<Operator> {
    let mut builder = services::S3::default()
        .root(&root(at))
        .bucket(&at.bucket)
        .region(if at.region.is_empty() {
            "us-east-1"
        } else {
            &at.region
        })
        .access_key_id(&at.account)
        .secret_access_key(exposed(at.secret.as_ref()))
        // Credentials come from the settings alone, not from whatever the machine has.
        .disable_config_load()
        .disable_ec2_metadata();
    if !at.endpoint.is_empty() {
        builder = builder.endpoint(&at.endpoint);
    }
    Ok(Operator::new(builder)?)
}

fn azblob(at: &StoreConnection) -> anyhow::Result<Operator> {
    let endpoint = if at.endpoint.is_empty() {
        format!("https://{}.blob.core.windows.net", at.account)
    } else {
        at.endpoint.clone()
    };
    let builder = services::Azblob::default()
        .root(&root(at))
        .container(&at.bucket)
        .endpoint(&endpoint)
        .account_name(&at.account)
        .account_key(exposed(at.secret.as_ref()));
    Ok(Operator::new(builder)?)
}

fn gcs(at: &StoreConnection) -> anyhow::Result<Operator> {
    let mut builder = services::Gcs::default()
        .root(&root(at))
        .bucket(&at.bucket)
        .disable_config_load()
        .disable_vm_metadata();
    if !at.endpoint.is_empty() {
        builder = builder.endpoint(&at.endpoint);
    }
    builder = match &at.key_file {
        Some(file) => builder.credential_path(file.to_str().context("the path of key_file")?),
        None => builder.skip_signature(),
    };
    Ok(Operator::new(builder)?)
}

fn b2(at: &StoreConnection) -> anyhow::Result<Operator> {
    let builder = services::B2::default()
        .root(&root(at))
        .bucket(&at.bucket)
        .bucket_id(&at.bucket_id)
        .application_key_id(&at.account)
        .application_key(exposed(at.secret.as_ref()));
    Ok(Operator::new(builder)?)
}

#[cfg(feature = "sftp")]
fn sftp(at: &StoreConnection) -> anyhow::Result<Operator> {
    let mut builder = services::Sftp::default()
        .endpoint(&at.endpoint)
        .root(&root(at))
        .user(&at.account)
        // Never a host that was not met before: the seller puts its key into known_hosts.
        .known_hosts_strategy("Strict");
    if let Some(file) = &at.key_file {
        builder = builder.key(file.to_str().context("the path of key_file")?);
    }
    Ok(Operator::new(builder)?)
}

#[cfg(not(feature = "sftp"))]
fn sftp(_: &StoreConnection) -> anyhow::Result<Operator> {
    bail!("this build has no SFTP: build it with `cargo build --release --features sftp`")
}

fn root(at: &StoreConnection) -> String {
    format!("/{}", at.path.trim_matches('/'))
}

fn exposed(secret: Option<&Secret>) -> &str {
    secret.map_or("", Secret::expose)
}

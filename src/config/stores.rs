//! Settings of places that hold files, and their rules.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::rules::Rules;
use super::{Config, Secret};

const KINDS: [&str; 10] = [
    "folder", "s3", "gcs", "azblob", "b2", "sftp", "webdav", "rclone", "http", "memory",
];
/// The store that is there without being set.
const CONTENT: &str = "content";

/// A place that holds files. Which settings a kind has is in `bursar.example.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConnection {
    /// `folder`, `s3`, `gcs`, `azblob`, `b2`, `sftp`, `webdav`, `rclone`,
    /// `http` or `memory`.
    pub kind: String,
    /// The folder; below the bucket where there is one.
    pub path: String,
    /// Bucket or container.
    pub bucket: String,
    /// B2: the bucket's id.
    pub bucket_id: String,
    /// `https://host`; `ssh://host` for SFTP.
    pub endpoint: String,
    /// S3: the region.
    pub region: String,
    /// Access key id, account name, key id or user.
    pub account: String,
    /// The secret that belongs to it.
    pub secret: Option<Secret>,
    /// GCS: the service account's JSON. SFTP: the private key.
    pub key_file: Option<PathBuf>,
    /// S3: the `ETag` says what was stored. Not so where a KMS key of yours encrypts.
    pub etag_is_md5: bool,
    /// Settings of the `rclone` kind.
    pub rclone: Option<RcloneOptions>,
}

/// A cloud that the program `rclone` reaches.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RcloneOptions {
    /// The program; empty is `rclone` on the path.
    pub program: String,
    /// rclone's name of the cloud, as `dropbox`.
    pub backend: String,
    /// The options of that backend, as rclone's own configuration file has them; passwords obscured
    /// as there.
    pub options: BTreeMap<String, Secret>,
    /// Take a version of rclone that has known holes.
    pub allow_old: bool,
}

/// Where published versions are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Content {
    /// A store's name; `content` is a folder of that name beside the database.
    pub store: String,
}

impl Default for StoreConnection {
    fn default() -> Self {
        Self {
            kind: String::new(),
            path: String::new(),
            bucket: String::new(),
            bucket_id: String::new(),
            endpoint: String::new(),
            region: String::new(),
            account: String::new(),
            secret: None,
            key_file: None,
            etag_is_md5: true,
            rclone: None,
        }
    }
}

impl Default for Content {
    fn default() -> Self {
        Self {
            store: "content".to_owned(),
        }
    }
}

impl Rules {
    pub(super) fn stores(&mut self, config: &Config) {
        for (name, source) in &config.sources {
            self.name("sources", name);
            let path = source.path.to_string_lossy();
            self.given(&format!("sources.{name}.path"), &path);
        }
        for (name, store) in &config.stores {
            self.name("stores", name);
            self.store(&format!("stores.{name}"), store);
            if config.sources.contains_key(name) {
                self.say(
                    &format!("stores.{name}"),
                    "has the name of a source",
                    "Give one of the two another name: the catalogue knows them by it",
                );
            }
        }
        self.content(config);
    }

    fn content(&mut self, config: &Config) {
        let kept_in = &config.content.store;
        let store = config.stores.get(kept_in);
        if store.is_some_and(|store| store.kind == "http") {
            self.say(
                "content.store",
                "is a web server, which is only read",
                "Name a store that can be written",
            );
        }
        let known = config.stores.contains_key(kept_in) || config.sources.contains_key(kept_in);
        if kept_in != CONTENT && !known {
            self.say(
                "content.store",
                format!("is {kept_in:?}, and no store is called so"),
                "Name one of [stores], or leave it out",
            );
        }
    }

    fn store(&mut self, at: &str, store: &StoreConnection) {
        self.one_of(&format!("{at}.kind"), &store.kind, &KINDS);
        match store.kind.as_str() {
            "folder" => self.given(&format!("{at}.path"), &store.path),
            "s3" | "azblob" => self.keyed(at, store),
            "b2" => {
                self.keyed(at, store);
                self.given(&format!("{at}.bucket_id"), &store.bucket_id);
            }
            "gcs" => self.given(&format!("{at}.bucket"), &store.bucket),
            "sftp" => {
                self.given(&format!("{at}.endpoint"), &store.endpoint);
                self.given(&format!("{at}.account"), &store.account);
            }
            "rclone" => {
                let backend = store.rclone.as_ref().map_or("", |rclone| &rclone.backend);
                self.given(&format!("{at}.rclone.backend"), backend);
            }
            "http" | "webdav" => self.given(&format!("{at}.endpoint"), &store.endpoint),
            "memory" if self.production => self.say(
                &format!("{at}.kind"),
                "is memory: it forgets everything at each start",
                "Name a real place, or set mode to development",
            ),
            _ => {}
        }
        if !store.endpoint.is_empty() && store.kind != "sftp" {
            self.address(&format!("{at}.endpoint"), &store.endpoint);
        }
    }

    fn keyed(&mut self, at: &str, store: &StoreConnection) {
        self.given(&format!("{at}.bucket"), &store.bucket);
        self.given(&format!("{at}.account"), &store.account);
        self.required(&format!("{at}.secret"), store.secret.as_ref());
    }
}

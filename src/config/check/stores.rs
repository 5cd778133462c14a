//! The rules of places that hold files.

use super::super::rules::Rules;
use super::super::{Config, StoreConnection};

const KINDS: [&str; 10] = [
    "folder", "s3", "gcs", "azblob", "b2", "sftp", "webdav", "rclone", "http", "memory",
];
/// The store that is there without being set.
const CONTENT: &str = "content";

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
            "rclone" => self.given(&format!("{at}.backend"), &store.backend),
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

//! Files and folders. Everything that is made has an id that was reserved and stored before: made
//! twice it is refused, looked at, and found to be the same.

use reqwest::Method;
use serde_json::json;

use super::wire::{About, FILE, Files, Ids, RemoteFile, SharedDrive};
use super::{Drive, Trouble};
use crate::connectors::Fault;
use crate::connectors::http::Aim;

/// Google's type of a folder.
pub const FOLDER: &str = "application/vnd.google-apps.folder";
/// Google gives out no more at once.
const MOST_IDS: usize = 1000;
/// Pages of a list that are followed: a million files.
const MOST_PAGES: usize = 1000;
/// What is read back of a file, at most: only canaries are.
const LONGEST_READ: u64 = 64 * 1024;

/// A folder about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFolder {
    /// A reserved id.
    pub id: String,
    /// What people read.
    pub name: String,
    /// The folder it goes into.
    pub parent: String,
}

/// A file about to be put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// A reserved id.
    pub id: String,
    /// What people read.
    pub name: String,
    /// The folder it goes into.
    pub parent: String,
    /// Its type.
    pub mime: String,
    /// Bytes.
    pub size: u64,
    /// MD5 of the bytes, hex: Drive computes the same.
    pub md5: String,
}

impl NewFile {
    /// What is there is what should be. A few files have no checksum; then only the size tells.
    #[must_use]
    pub fn is(&self, found: &RemoteFile) -> bool {
        let sum = found.md5_checksum.as_deref();
        let same = sum.is_none_or(|sum| sum.eq_ignore_ascii_case(&self.md5));
        found.mime_type != FOLDER && found.size == Some(self.size) && same
    }
}

impl Drive {
    /// Who we are, and how much room the account's own Drive has.
    pub async fn about(&self) -> Result<About, Trouble> {
        let fields = [("fields", "user(emailAddress),storageQuota(limit,usage)")];
        self.get(self.api(&["about"], &fields)).await
    }

    /// The shared drive of the settings; none: the account's own Drive is used.
    pub async fn shared_drive(&self) -> Result<Option<SharedDrive>, Trouble> {
        let id = self.settings.shared_drive.as_str();
        if id.is_empty() {
            return Ok(None);
        }
        let fields = [("fields", "id,name,restrictions,capabilities")];
        self.get(self.api(&["drives", id], &fields)).await.map(Some)
    }

    /// Ids that nobody else will get, to be stored before they are used.
    pub async fn reserve_ids(&self, count: usize) -> Result<Vec<String>, Trouble> {
        let mut all = Vec::with_capacity(count);
        while all.len() < count {
            let wanted = (count - all.len()).min(MOST_IDS).to_string();
            let query = [
                ("count", wanted.as_str()),
                ("space", "drive"),
                ("type", "files"),
            ];
            let given: Ids = self
                .get(self.api(&["files", "generateIds"], &query))
                .await?;
            if given.ids.is_empty() {
                return Err(odd("Google reserves no ids for us."));
            }
            all.extend(given.ids);
        }
        all.truncate(count);
        Ok(all)
    }

    /// What is under an id, also in the bin. Read at once after it was written.
    pub async fn file(&self, id: &str) -> Result<Option<RemoteFile>, Trouble> {
        match self
            .get(self.api(&["files", id], &[("fields", FILE)]))
            .await
        {
            Ok(file) => Ok(Some(file)),
            Err(Trouble::Absent) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Make a folder, or find that it was made before. One that somebody put into the bin comes back.
    pub async fn make_folder(&self, new: &NewFolder) -> Result<RemoteFile, Trouble> {
        let body =
            json!({"id": new.id, "name": new.name, "parents": [new.parent], "mimeType": FOLDER});
        let made = self.write(
            Method::POST,
            self.api(&["files"], &[("fields", FILE)]),
            &body,
        );
        match made.await {
            Err(Trouble::Exists) => {}
            made => return made,
        }
        let found = self.found(&new.id).await?;
        if found.mime_type != FOLDER {
            return Err(odd("Under the id of a folder of ours is something else."));
        }
        if found.trashed {
            return self.restore(&new.id).await;
        }
        Ok(found)
    }

    /// A file without content: bytes cannot be sent by the piece when there are none.
    pub(super) async fn make_empty(&self, new: &NewFile) -> Result<RemoteFile, Trouble> {
        let body =
            json!({"id": new.id, "name": new.name, "parents": [new.parent], "mimeType": new.mime});
        let url = self.api(&["files"], &[("fields", FILE)]);
        self.write(Method::POST, url, &body).await
    }

    /// Copy a file on Google's side. Found under its id when it was made before.
    pub async fn copy(&self, from: &str, new: &NewFile) -> Result<RemoteFile, Trouble> {
        let body = json!({"id": new.id, "name": new.name, "parents": [new.parent]});
        let url = self.api(&["files", from, "copy"], &[("fields", FILE)]);
        let copied = match self.write(Method::POST, url, &body).await {
            Err(Trouble::Exists) => self.found(&new.id).await?,
            other => other?,
        };
        if copied.trashed {
            return self.restore(&new.id).await;
        }
        if new.is(&copied) {
            return Ok(copied);
        }
        // An answer may come before the checksum does.
        let read = self.found(&new.id).await?;
        if new.is(&read) {
            return Ok(read);
        }
        Err(odd("A copy on the Drive differs from what it was made of."))
    }

    /// Out of the bin again.
    pub async fn restore(&self, id: &str) -> Result<RemoteFile, Trouble> {
        let url = self.api(&["files", id], &[("fields", FILE)]);
        self.write(Method::PATCH, url, &json!({"trashed": false}))
            .await
    }

    /// Delete for good; gone already is the same.
    pub async fn remove(&self, id: &str) -> Result<(), Trouble> {
        self.delete(self.api(&["files", id], &[])).await
    }

    /// The bytes of a small file.
    pub async fn read(&self, id: &str) -> Result<Vec<u8>, Trouble> {
        let range = format!("bytes=0-{}", LONGEST_READ - 1);
        let url = self.api(&["files", id], &[("alt", "media")]);
        let request = self.client.get(url).header("Range", range);
        Ok(self.call(Aim::Read, request).await?.body)
    }

    /// What is in a folder, the bin left out. A list by parent shows what was just made; one by name
    /// may not.
    pub async fn children(&self, folder: &str) -> Result<Vec<RemoteFile>, Trouble> {
        self.list(&format!(
            "{} in parents and trashed = false",
            literal(folder)
        ))
        .await
    }

    /// Folders of this name, for the older contract of workers that name what they made and not its
    /// id. Google may not know a name yet that was just given, and names are not unique: who asks
    /// must ask again, and refuse more than one.
    pub async fn folders_named(&self, name: &str) -> Result<Vec<RemoteFile>, Trouble> {
        let query = format!(
            "name = {} and mimeType = '{FOLDER}' and trashed = false",
            literal(name)
        );
        self.list(&query).await
    }

    async fn list(&self, q: &str) -> Result<Vec<RemoteFile>, Trouble> {
        let fields = format!("nextPageToken,files({FILE})");
        let drive = self.settings.shared_drive.as_str();
        let mut all = Vec::new();
        let mut token = String::new();
        for _ in 0..MOST_PAGES {
            let mut query = vec![
                ("q", q),
                ("pageSize", "1000"),
                ("fields", fields.as_str()),
                ("includeItemsFromAllDrives", "true"),
            ];
            if !drive.is_empty() {
                query.extend([("corpora", "drive"), ("driveId", drive)]);
            }
            if !token.is_empty() {
                query.push(("pageToken", token.as_str()));
            }
            let page: Files = self.get(self.api(&["files"], &query)).await?;
            all.extend(page.files);
            match page.next_page_token {
                Some(next) => token = next,
                None => return Ok(all),
            }
        }
        Err(odd(
            "A folder on the Drive has more files than can be listed.",
        ))
    }

    pub(super) async fn found(&self, id: &str) -> Result<RemoteFile, Trouble> {
        let found = self.file(id).await?;
        found.ok_or_else(|| odd("Google says that an id is taken, but shows nothing under it."))
    }
}

/// A text in a query: the backslash first, then the quote.
fn literal(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('\'', r"\'");
    format!("'{escaped}'")
}

pub(super) fn odd(why: &str) -> Trouble {
    let why = why.to_owned();
    Trouble::Fault(Fault::MappingBroken { why })
}

//! What the fake remembers: items, their readers, uploads under way, tokens, and a log.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use sha2::Sha256;

use super::answers::{Canned, absent};
use super::mischief::Call;
use super::tokens::Signer;
use super::uploads::Sending;
use super::{Account, FakeDriveOptions, SHARED_DRIVE};
use crate::clock::Timestamp;
use crate::connectors::destinations::drive::FOLDER;

/// The id behind `root`.
pub(super) const ROOT: &str = "0AFakeMyDrive";
const LONGEST_LOG: usize = 10_000;
/// The account that everything belongs to.
pub(super) const OWNER: &str = "seller@fake.example";

/// One request, as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it asked for.
    pub call: Call,
    /// Method and path.
    pub line: String,
    /// The query, decoded; what is behind `upload_id` is left out.
    pub query: Vec<(String, String)>,
    /// `Content-Range`, where there was one.
    pub range: Option<String>,
    /// The body, where it is JSON.
    pub body: Value,
}

/// A file or folder.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub id: String,
    pub name: String,
    pub mime: String,
    pub parents: Vec<String>,
    pub bytes: Vec<u8>,
    pub trashed: bool,
    pub named_at: Timestamp,
    pub readers: Vec<Reader>,
}

/// A right of its own on an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reader {
    pub id: String,
    pub email: String,
    pub role: String,
    pub until: Option<String>,
}

impl Reader {
    pub fn new(email: &str, role: &str) -> Self {
        Self {
            id: person_id(email),
            email: email.to_owned(),
            role: role.to_owned(),
            until: None,
        }
    }
}

pub(super) struct Store {
    pub now: Timestamp,
    pub items: BTreeMap<String, Item>,
    pub reserved: HashSet<String>,
    pub sendings: HashMap<String, Sending>,
    pub tokens: HashSet<String>,
    pub given: u64,
    pub signer: Option<Signer>,
    pub consent: bool,
    pub has_shared_drive: bool,
    pub is_manager: bool,
    pub outsiders: bool,
    pub people_per_item: usize,
    pub ends_access: bool,
    pub name_lag: std::time::Duration,
    pub strangers: BTreeSet<String>,
    pub mails: Vec<String>,
    pub changing: HashMap<String, usize>,
    pub most_at_once: usize,
    pub received: u64,
    pub log: VecDeque<Seen>,
    numbers: u64,
}

impl Store {
    pub fn new(options: &FakeDriveOptions) -> anyhow::Result<Self> {
        let signer = match &options.account {
            Account::ServiceAccount { key } => Some(Signer::read(key)?),
            Account::Seller => None,
        };
        Ok(Self {
            now: options.clock.now(),
            items: BTreeMap::new(),
            reserved: HashSet::new(),
            sendings: HashMap::new(),
            tokens: HashSet::new(),
            given: 0,
            signer,
            consent: true,
            has_shared_drive: options.shared_drive,
            is_manager: true,
            outsiders: true,
            people_per_item: options.people_per_item,
            ends_access: options.ends_access,
            name_lag: options.name_lag,
            strangers: BTreeSet::new(),
            mails: Vec::new(),
            changing: HashMap::new(),
            most_at_once: 0,
            received: 0,
            log: VecDeque::new(),
            numbers: 0,
        })
    }

    pub fn note(&mut self, seen: Seen) {
        if self.log.len() == LONGEST_LOG {
            self.log.pop_front();
        }
        self.log.push_back(seen);
    }

    /// Something nobody had before.
    pub fn fresh(&mut self, what: &str) -> String {
        self.numbers += 1;
        let chance = Sha256::digest(format!("{what} {}", self.numbers));
        format!("1{what}{}", &hex::encode(chance)[..24])
    }

    /// The folder behind an id, `root` and the shared drive's among them.
    pub fn place(&self, id: &str, all_drives: bool) -> Result<String, Canned> {
        let id = if id == "root" { ROOT } else { id };
        let is_top = id == ROOT || (id == SHARED_DRIVE && self.has_shared_drive);
        let is_folder = self.items.get(id).is_some_and(|item| item.mime == FOLDER);
        if (is_top || is_folder) && (all_drives || !self.is_on_shared_drive(id)) {
            return Ok(id.to_owned());
        }
        Err(absent(id))
    }

    /// An item; one on a shared drive does not exist for who does not say that they know such.
    pub fn item(&mut self, id: &str, all_drives: bool) -> Result<&mut Item, Canned> {
        let hidden = !all_drives && self.is_on_shared_drive(id);
        let found = self.items.get_mut(id).filter(|_| !hidden);
        found.ok_or_else(|| absent(id))
    }

    pub fn is_on_shared_drive(&self, id: &str) -> bool {
        let mut id = id;
        loop {
            if id == SHARED_DRIVE {
                return true;
            }
            let parent = self.items.get(id).and_then(|item| item.parents.first());
            match parent {
                Some(parent) => id = parent,
                None => return false,
            }
        }
    }

    pub fn rendered(&self, item: &Item) -> Value {
        let mut value = json!({
            "kind": "drive#file",
            "id": item.id,
            "name": item.name,
            "mimeType": item.mime,
            "parents": item.parents,
            "trashed": item.trashed,
        });
        if item.mime == FOLDER {
            value["webViewLink"] = json!(format!(
                "https://drive.google.com/drive/folders/{}",
                item.id
            ));
        } else {
            value["size"] = json!(item.bytes.len().to_string());
            value["md5Checksum"] = json!(hex::encode(Md5::digest(&item.bytes)));
            value["webViewLink"] =
                json!(format!("https://drive.google.com/file/d/{}/view", item.id));
        }
        if self.is_on_shared_drive(&item.id) {
            value["driveId"] = json!(SHARED_DRIVE);
        }
        value
    }

    pub fn children(&self, folder: &str) -> Vec<(String, String)> {
        let inside = |item: &&Item| item.parents.iter().any(|p| p == folder) && !item.trashed;
        let mut found: Vec<(String, String)> = self
            .items
            .values()
            .filter(inside)
            .map(|item| (item.name.clone(), item.id.clone()))
            .collect();
        found.sort();
        found
    }

    pub fn readers(&self, id: &str) -> Vec<String> {
        let readers = self.items.get(id).map(|item| item.readers.as_slice());
        let readers = readers.unwrap_or_default().iter();
        let mut emails: Vec<String> = readers.map(|reader| reader.email.clone()).collect();
        emails.sort();
        emails
    }

    pub fn make_by_hand(&mut self, name: &str, top: &str) -> String {
        let id = self.fresh("Hand");
        let item = Item {
            id: id.clone(),
            name: name.to_owned(),
            mime: FOLDER.to_owned(),
            parents: vec![top.to_owned()],
            bytes: Vec::new(),
            trashed: false,
            named_at: self.now,
            readers: Vec::new(),
        };
        self.items.insert(id.clone(), item);
        id
    }

    pub fn share_by_hand(&mut self, id: &str, email: &str) {
        if let Some(item) = self.items.get_mut(id) {
            item.readers.push(Reader::new(email, "reader"));
        }
    }

    pub fn unshare_by_hand(&mut self, id: &str, email: &str) {
        if let Some(item) = self.items.get_mut(id) {
            item.readers.retain(|reader| reader.email != email);
        }
    }

    /// A change of an item's readers begins.
    pub fn begin_change(&mut self, id: &str) {
        let changing = self.changing.entry(id.to_owned()).or_default();
        *changing += 1;
        self.most_at_once = self.most_at_once.max(*changing);
    }

    pub fn end_change(&mut self, id: &str) {
        if let Some(changing) = self.changing.get_mut(id) {
            *changing -= 1;
        }
    }
}

/// The same for the same person on every item.
pub(super) fn person_id(email: &str) -> String {
    let digest = Sha256::digest(email.to_lowercase());
    let mut number = 0_u64;
    for byte in &digest[..8] {
        number = (number << 8) | u64::from(*byte);
    }
    format!("{number:020}")
}

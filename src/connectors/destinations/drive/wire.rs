//! Bodies of the Drive API v3, as far as we read them (developers.google.com/workspace/drive/api/reference/rest/v3).

use serde::{Deserialize, Deserializer};

/// What we ask for of a file; whatever is not asked for is left out of an answer.
pub(super) const FILE: &str =
    "id,name,mimeType,size,md5Checksum,parents,trashed,driveId,webViewLink,resourceKey";
/// What we ask for of a permission.
pub(super) const PERSON: &str =
    "id,type,emailAddress,role,expirationTime,deleted,permissionDetails(inherited)";

/// A file or folder on the Drive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteFile {
    /// Its id, which never changes.
    pub id: String,
    /// Its name; others may have the same.
    #[serde(default)]
    pub name: String,
    /// Its type; folders have one of Google's own.
    #[serde(default)]
    pub mime_type: String,
    /// Bytes; folders have none.
    #[serde(default, deserialize_with = "number")]
    pub size: Option<u64>,
    /// MD5 of the bytes, hex.
    pub md5_checksum: Option<String>,
    /// The folder it is in.
    #[serde(default)]
    pub parents: Vec<String>,
    /// In the bin.
    #[serde(default)]
    pub trashed: bool,
    /// The shared drive it is on.
    pub drive_id: Option<String>,
    /// Where people open it.
    pub web_view_link: Option<String>,
    /// What a link needs besides the id, where the file is older.
    pub resource_key: Option<String>,
}

/// Numbers of 64 bits come as texts.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom))
        .transpose()
}

/// Somebody's right on a file or folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The same for the same person on every file.
    pub id: String,
    /// `user`, `group`, `domain` or `anyone`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Whose, where Google tells.
    pub email_address: Option<String>,
    /// `reader`, `writer`, `organizer`, …
    pub role: String,
    /// When Google ends it by itself.
    pub expiration_time: Option<String>,
    /// The account behind it was deleted.
    #[serde(default)]
    pub deleted: bool,
    /// On shared drives: where it comes from.
    #[serde(default)]
    permission_details: Vec<Detail>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Detail {
    #[serde(default)]
    inherited: bool,
}

impl Person {
    /// It comes from a folder above, and cannot be taken away here.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        let details = &self.permission_details;
        !details.is_empty() && details.iter().all(|detail| detail.inherited)
    }

    /// It is this person's, by the address that Google shows.
    #[must_use]
    pub fn has_address(&self, email: &str) -> bool {
        let shown = self.email_address.as_deref();
        shown.is_some_and(|shown| shown.eq_ignore_ascii_case(email))
    }
}

/// Who we are, and how much room is left.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// Who.
    pub user: User,
    /// Room.
    pub storage_quota: Quota,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Its address.
    #[serde(default)]
    pub email_address: String,
}

/// Room in the account's own Drive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Quota {
    /// Bytes in all; none is without a limit.
    #[serde(default, deserialize_with = "number")]
    pub limit: Option<u64>,
    /// Bytes used.
    #[serde(default, deserialize_with = "number")]
    pub usage: Option<u64>,
}

/// A shared drive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SharedDrive {
    /// Its id, which is that of its top folder too.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// What its owner forbids.
    #[serde(default)]
    pub restrictions: Restrictions,
    /// What we may do.
    #[serde(default)]
    pub capabilities: Capabilities,
}

/// What the owner of a shared drive forbids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Restrictions {
    /// Nobody outside of the organisation reads anything.
    pub domain_users_only: bool,
    /// Nobody but members of the drive reads anything.
    pub drive_members_only: bool,
    /// Only managers share folders.
    pub sharing_folders_requires_organizer_permission: bool,
}

/// What we may do on a shared drive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Capabilities {
    /// Add files and folders.
    pub can_add_children: bool,
    /// Share folders.
    pub can_share: bool,
    /// Change members: managers only.
    pub can_manage_members: bool,
}

#[derive(Deserialize)]
pub(super) struct Ids {
    pub ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Files {
    #[serde(default)]
    pub files: Vec<RemoteFile>,
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct People {
    #[serde(default)]
    pub permissions: Vec<Person>,
    pub next_page_token: Option<String>,
}

/// `{"error": {"code": 403, "message": "…", "errors": [{"reason": "…"}]}}`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    pub error: ErrorDetail,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorDetail {
    pub message: String,
    pub errors: Vec<ErrorReason>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorReason {
    pub reason: String,
}

/// What the token server says: `{"error": "invalid_grant", "error_description": "…"}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenError {
    pub error: String,
    pub error_description: String,
}

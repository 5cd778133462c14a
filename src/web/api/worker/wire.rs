//! What workers send and get. Requests keep the older API's names with underscores and take the
//! newer ones too; answers are in camelCase as everywhere.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many hand-overs a worker wants.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ClaimRequest {
    /// 1 when missing.
    #[schema(minimum = 1, maximum = 20)]
    pub(super) limit: Option<i64>,
}

/// What it got.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClaimAnswer {
    /// Always true.
    pub(super) success: bool,
    /// None: there is nothing to do.
    pub(super) tasks: Vec<JobAnswer>,
}

/// One hand-over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobAnswer {
    /// To be named in heartbeat and finalize.
    pub(super) task_id: String,
    /// Shown again, it proves that this claim is still the one.
    pub(super) lease: String,
    /// When the claim ends without a heartbeat, RFC 3339.
    pub(super) lease_until: String,
    /// How often to send a heartbeat, whatever the worker's clock says.
    pub(super) heartbeat_seconds: u64,
    /// The order.
    pub(super) order_id: String,
    /// Its code.
    pub(super) order_code: String,
    /// The line of the order.
    pub(super) line_id: String,
    /// The course's slug.
    pub(super) course: String,
    /// The course's title.
    pub(super) title: String,
    /// What to deliver.
    pub(super) folder: String,
    /// To whom.
    pub(super) email: String,
}

/// A sign of life.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct HeartbeatRequest {
    /// The task.
    #[serde(alias = "taskId")]
    pub(super) task_id: String,
    /// The claim's; the present one when missing.
    pub(super) lease: Option<String>,
}

/// Until when the claim holds now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeartbeatAnswer {
    /// Always true.
    pub(super) success: bool,
    /// The task.
    pub(super) task_id: String,
    /// RFC 3339.
    pub(super) lease_until: String,
}

/// How it went: a link or a folder's name where it was delivered, `error` where it was not.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct FinalizeRequest {
    /// The task.
    #[serde(alias = "taskId")]
    pub(super) task_id: String,
    /// The claim's; the present one when missing.
    pub(super) lease: Option<String>,
    /// What the worker called the buyer's folder.
    #[serde(alias = "folderName")]
    #[schema(max_length = 255)]
    pub(super) folder_name: Option<String>,
    /// Where the buyer finds it: https.
    #[serde(alias = "driveLink")]
    #[schema(max_length = 2000)]
    pub(super) drive_link: Option<String>,
    /// Why it did not work; it is tried again later, a few times.
    pub(super) error: Option<String>,
}

/// What was recorded.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FinalizeAnswer {
    /// Always true.
    pub(super) success: bool,
    /// The task's order.
    pub(super) order_id: Option<String>,
    /// The task.
    pub(super) task_id: String,
    /// It was finished before; nothing changed.
    pub(super) duplicate: bool,
}

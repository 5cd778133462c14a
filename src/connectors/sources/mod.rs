//! Where the seller's course files are.

/// A folder.
pub struct Folder;

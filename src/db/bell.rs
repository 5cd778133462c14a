//! Being written.

/// Rings after a commit that made work ready.
#[derive(Clone)]
pub struct Bell;

//! Being written.

/// Outgoing mail.
pub enum Mailer {}

//! Nouns: one file is the type, its states and rules, and its SQL.

pub mod bundle;
pub mod catalogue;
pub mod code;
pub mod course;

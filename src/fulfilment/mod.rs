//! Verbs: one file per step.

pub mod price;

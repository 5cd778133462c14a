//! Versions of course files: published whole, once, and gone on with after any death.

mod interrupted;
pub mod press;
mod publishing_twice;
mod refused;

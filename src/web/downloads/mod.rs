//! The download server. The door checks the link and the right, finds the content, takes a place among
//! the downloads that run, and answers with [`respond::respond`].

pub mod archive;
pub mod conditions;
pub mod content;
pub mod copies;
pub mod door;
pub mod landing;
pub mod meter;
pub mod names;
pub mod respond;
pub mod sending;
mod shelf;
pub mod stamp;
pub mod traffic;
mod transfer;

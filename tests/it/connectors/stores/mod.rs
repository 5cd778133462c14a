//! Places that hold files, one by one and by their contract.

pub mod every_store;
mod folder;
mod rclone;
mod web;
mod webdav;

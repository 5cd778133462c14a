//! Places that hold files, one by one and by their contract.

mod every_store;
mod folder;
mod rclone;
mod suite;
mod webdav;

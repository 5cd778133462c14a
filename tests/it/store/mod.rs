//! Each script on both databases.

mod catalogue;
mod db;
mod states;

//! Each script on both databases.

mod db;

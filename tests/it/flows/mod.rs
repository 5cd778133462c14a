//! Whole stories over HTTP with a drained worker, on both databases.

mod api;

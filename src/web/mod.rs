//! Doors over HTTP: read input, call one step, render.

pub mod admin;
pub mod api;
pub mod around;
pub mod assets;
pub mod body;
pub mod buyer;
pub mod caller;
pub mod downloads;
pub mod error_page;
pub mod frame;
pub mod icon;
pub mod limits;
pub mod live;
pub mod order_page;
pub mod ordering;
pub mod problem;
pub mod router;
pub mod server;
pub mod shop;
pub mod state;
pub mod visit;
pub mod webhooks;

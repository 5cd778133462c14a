//! Pages as people see them.

mod browser;
mod gallery;
mod order_page;

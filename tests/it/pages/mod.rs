//! Pages as people see them.

mod gallery;
mod order_page;

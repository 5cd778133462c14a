//! Pages as people see them.

mod order_page;

//! The shop front: what is sold and one form to order several courses. Views in, HTML out. The form
//! works without scripts; the price of an order is the server's, shown on the order page.
//!
//! The form posts `course` (a slug, repeated), `email`, `name`, `phone`, `coupon` and `locale`; with
//! `step=price` it only asks what that costs. A `GET` with repeated `course` only ticks boxes: that is
//! how a bundle is chosen.

use askama::Template;

use crate::error::Result;
use crate::web::frame::Frame;
use crate::web::icon::Icon;

pub mod covers;
pub mod door;
mod view;

pub use view::{BundleCard, ComboOffer, CourseCard, FormFault, Gives, OrderForm, Rights, ShopView};

#[derive(Template)]
#[template(path = "pages/shop.html")]
struct Page<'a> {
    frame: &'a Frame,
    view: &'a ShopView,
}

impl ShopView {
    /// The whole page.
    pub fn page(&self) -> Result<String> {
        let page = Page {
            frame: &self.frame,
            view: self,
        };
        Ok(page.render()?)
    }
}

//! The buyer's page of one order: pay, watch, and take what was bought. Views in, HTML out; reading
//! the database and answering the request is the router's.
//!
//! Live: the whole page has `<main id="order" data-version=…>`. Its content alone is
//! [`OrderView::fragment`], which `assets/live.js` fetches from `{path}?fragment=1` after each `order`
//! event of the stream, or every 5 s where there is no stream.

use askama::Template;

use crate::error::Result;
use crate::web::frame::Frame;
use crate::web::icon::Icon;

pub mod assemble;
mod assemble_money;
pub mod books;
pub mod door;
mod money;
mod money_words;
pub mod pay;
pub mod pretend;
pub mod samples;
mod view;
mod words;

pub use money::{Late, MoneyState, PayView, RefundStage, RefundView, Surplus, TransferView, Way};
pub use view::{
    Access, BenefitKind, BenefitView, BuyerTask, Ended, LineView, MaskedEmail, Milestones, Offer,
    OrderView, Totals,
};
pub use words::{Headline, Step, Tone};

#[derive(Template)]
#[template(path = "pages/order.html")]
struct Page<'a> {
    frame: &'a Frame,
    view: &'a OrderView,
    headline: Headline,
}

#[derive(Template)]
#[template(path = "pages/order/main.html")]
struct Fragment<'a> {
    frame: &'a Frame,
    view: &'a OrderView,
    headline: Headline,
}

impl OrderView {
    /// The whole page.
    pub fn page(&self) -> Result<String> {
        let page = Page {
            frame: &self.frame,
            view: self,
            headline: self.headline(),
        };
        Ok(page.render()?)
    }

    /// Only what changes: the `<main>` element.
    pub fn fragment(&self) -> Result<String> {
        let fragment = Fragment {
            frame: &self.frame,
            view: self,
            headline: self.headline(),
        };
        Ok(fragment.render()?)
    }
}

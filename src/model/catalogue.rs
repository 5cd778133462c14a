//! The catalogue: everything the seller sells, as one file says it. The file is read whole or not
//! at all ([`read`]), written back in one canonical form ([`write()`]), and replaces what was stored.
//! It says what is sold now; orders keep their own frozen titles and prices.

use anyhow::Context;

use crate::args;
use crate::db::Tx;
use crate::error::Result;
use crate::model::bundle::{self, Bundle, Combo};
use crate::model::course::{self, Course, Slug, page_key};

mod fields;
mod read;
mod values;
mod write;

pub use fields::CatalogueFault;
pub use read::{Known, read, read_for};
pub use write::write;

/// Largest file, in bytes.
pub const FILE_MAX: usize = 4 * 1024 * 1024;
/// Most courses in a catalogue.
pub const COURSES_MAX: usize = 10_000;

/// All that is sold, in file order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    /// The courses.
    pub courses: Vec<Course>,
    /// Named sets of them.
    pub bundles: Vec<Bundle>,
    /// Prices for any N of them.
    pub combos: Vec<Combo>,
}

/// What a line of a request can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'c> {
    /// A course.
    Course(&'c Course),
    /// All courses of a bundle.
    Bundle(&'c Bundle),
}

impl Catalogue {
    /// What this slug, or this address of a page of the seller's, stands for.
    #[must_use]
    pub fn find(&self, url_or_slug: &str) -> Option<Item<'_>> {
        let wanted = url_or_slug.trim();
        if let Ok(slug) = Slug::parse(wanted) {
            let bundle = || {
                self.bundles
                    .iter()
                    .find(|b| b.slug == slug)
                    .map(Item::Bundle)
            };
            return self.course(&slug).map(Item::Course).or_else(bundle);
        }
        let key = page_key(wanted)?;
        let course = self.courses.iter().find(|c| c.url.key() == key);
        course.map(Item::Course)
    }

    /// The course with this slug.
    #[must_use]
    pub fn course(&self, slug: &Slug) -> Option<&Course> {
        self.courses.iter().find(|c| &c.slug == slug)
    }
}

crate::statements! {
    NEXT_REVISION = "UPDATE catalogue SET revision = revision + 1 WHERE id = 1";
    REVISION = "SELECT revision FROM catalogue WHERE id = 1";
}

/// Stores this catalogue in the place of the one before. Courses that are not in it go off sale and
/// stay stored, because orders point at them.
pub async fn replace(tx: &mut Tx<'_>, catalogue: &Catalogue) -> Result<()> {
    // First of all: its row lock makes two imports at once follow each other.
    tx.exec(&NEXT_REVISION, args![]).await?;
    course::replace(tx, &catalogue.courses).await?;
    bundle::replace(tx, &catalogue.bundles, &catalogue.combos).await
}

/// The stored catalogue: what is on sale, in file order.
pub async fn load(tx: &mut Tx<'_>) -> Result<Catalogue> {
    Ok(Catalogue {
        courses: course::on_sale(tx).await?,
        bundles: bundle::bundles(tx).await?,
        combos: bundle::combos(tx).await?,
    })
}

/// A number that grows with every [`replace`]: a copy in memory is good as long as it is the same.
pub async fn revision(tx: &mut Tx<'_>) -> Result<i64> {
    let row = tx.row(&REVISION, args![]).await?;
    Ok(row.context("the catalogue's row")?.get("revision")?)
}

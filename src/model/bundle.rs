//! A bundle, a named set of courses at one price, and a combo, a price for any N courses.
//! What they do to the price of an order is in `fulfilment::price`.

use crate::args;
use crate::db::Tx;
use crate::error::Result;
use crate::model::course::Slug;
use crate::money::Money;

/// A named set of courses at one price; can be ordered by its own slug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Its name; no course has the same.
    pub slug: Slug,
    /// What buyers read.
    pub title: String,
    /// A few sentences for the shop's pages.
    pub summary: Option<String>,
    /// For all of its courses together; never more than their list prices.
    pub price: Money,
    /// At least two, each in the catalogue and named once.
    pub courses: Vec<Slug>,
}

/// Any so many courses at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Combo {
    /// How many courses; at least two.
    pub courses: usize,
    /// For all of them together.
    pub price: Money,
}

crate::statements! {
    DELETE_BUNDLE_COURSES = "DELETE FROM bundle_courses";
    DELETE_BUNDLES = "DELETE FROM bundles";
    DELETE_COMBOS = "DELETE FROM combos";
    INSERT_BUNDLE = "INSERT INTO bundles (slug, title, summary, price, position) \
                     VALUES ($1, $2, $3, $4, $5)";
    INSERT_BUNDLE_COURSE = "INSERT INTO bundle_courses (bundle, position, course) \
                            VALUES ($1, $2, $3)";
    INSERT_COMBO = "INSERT INTO combos (courses, price, position) VALUES ($1, $2, $3)";
    BUNDLES = "SELECT slug, title, summary, price FROM bundles ORDER BY position";
    BUNDLE_COURSES = "SELECT c.bundle, c.course FROM bundle_courses c \
                      JOIN bundles b ON b.slug = c.bundle ORDER BY b.position, c.position";
    COMBOS = "SELECT courses, price FROM combos ORDER BY position";
}

/// All bundles, in file order.
pub(super) async fn bundles(tx: &mut Tx<'_>) -> Result<Vec<Bundle>> {
    let mut bundles = Vec::new();
    for row in tx.rows(&BUNDLES, args![]).await? {
        bundles.push(Bundle {
            slug: row.get("slug")?,
            title: row.get("title")?,
            summary: row.get("summary")?,
            price: Money::vnd(row.get("price")?),
            courses: Vec::new(),
        });
    }
    let rows = tx.rows(&BUNDLE_COURSES, args![]).await?;
    let mut rows = rows.iter().peekable();
    for bundle in &mut bundles {
        while let Some(row) = rows.peek() {
            if row.get::<Slug>("bundle")? != bundle.slug {
                break;
            }
            bundle.courses.push(row.get("course")?);
            rows.next();
        }
    }
    Ok(bundles)
}

/// All combos, in file order.
pub(super) async fn combos(tx: &mut Tx<'_>) -> Result<Vec<Combo>> {
    let mut combos = Vec::new();
    for row in tx.rows(&COMBOS, args![]).await? {
        combos.push(Combo {
            courses: usize::try_from(row.get::<i64>("courses")?)?,
            price: Money::vnd(row.get("price")?),
        });
    }
    Ok(combos)
}

/// Puts these in the place of all that were; their courses are stored already.
pub(super) async fn replace(tx: &mut Tx<'_>, bundles: &[Bundle], combos: &[Combo]) -> Result<()> {
    for delete in [&DELETE_BUNDLE_COURSES, &DELETE_BUNDLES, &DELETE_COMBOS] {
        tx.exec(delete, args![]).await?;
    }
    for (position, bundle) in bundles.iter().enumerate() {
        insert_bundle(tx, bundle, position).await?;
    }
    for (position, combo) in combos.iter().enumerate() {
        let args = args![combo.courses, combo.price.minor, position];
        tx.exec(&INSERT_COMBO, args).await?;
    }
    Ok(())
}

async fn insert_bundle(tx: &mut Tx<'_>, bundle: &Bundle, position: usize) -> Result<()> {
    let args = args![
        &bundle.slug,
        bundle.title.as_str(),
        bundle.summary.as_deref(),
        bundle.price.minor,
        position,
    ];
    tx.exec(&INSERT_BUNDLE, args).await?;
    for (place, course) in bundle.courses.iter().enumerate() {
        let args = args![&bundle.slug, place, course];
        tx.exec(&INSERT_BUNDLE_COURSE, args).await?;
    }
    Ok(())
}

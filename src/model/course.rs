//! A course: what is sold, and the benefits that the price promises.
//! Courses come from the catalogue file only; [`super::catalogue`] says how the file is read and
//! how all of it replaces what was stored.

use anyhow::{Context, bail};

use crate::args;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::money::Money;

mod address;

pub use address::{BadPageUrl, BadSlug, PageUrl, SLUG_MAX, Slug, URL_MAX, page_key};

/// One course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Its name in addresses, orders and the database; never changes.
    pub slug: Slug,
    /// What buyers read.
    pub title: String,
    /// A few sentences for the shop's pages; lines are paragraphs.
    pub summary: String,
    /// The seller's own page; no two courses on sale share one.
    pub url: PageUrl,
    /// List price.
    pub price: Money,
    /// Why the seller may distribute it.
    pub rights: Rights,
    /// Days that access lasts from the moment it was given; `None` is for good.
    pub access_days: Option<u32>,
    /// Its picture: an http(s) address, or a path beside the catalogue file.
    pub cover: Option<String>,
    /// On sale. A course that left the file stays stored, because orders point at it.
    pub active: bool,
    /// What the price promises; never empty.
    pub benefits: Vec<Benefit>,
    /// Place in the file, from 0.
    pub position: usize,
}

/// Why the seller may distribute a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rights {
    /// The seller made it.
    Own,
    /// The seller holds a licence to distribute it.
    Licensed,
    /// Its licence lets anybody distribute it.
    Open,
}

/// One promise of a course. Each paid line gets one grant for each.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Benefit {
    /// A place in a course of a learning platform.
    Enrolment {
        /// Name of the connection in the configuration.
        connection: String,
        /// The platform's id of the course.
        course: String,
    },
    /// The files of a folder.
    Files {
        /// Name of the source in the configuration.
        source: String,
        /// Folder below the source; `.` is all of it.
        folder: String,
        /// Who hands the files over.
        destination: Destination,
        /// Name of a Drive in the configuration, on which the buyer reads them too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drive: Option<String>,
        /// PDFs carry the buyer's address and the order's code.
        #[serde(default)]
        stamp: bool,
    },
}

/// Who hands files over to the buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// Bursar's own download server.
    #[default]
    Download,
    /// A delivery worker of the seller's.
    Worker,
}

impl Rights {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Own, Self::Licensed, Self::Open];

    /// The word in the file and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Licensed => "licensed",
            Self::Open => "open",
        }
    }

    /// From that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == word)
    }
}

impl Destination {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Download, Self::Worker];

    /// The word in the file and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Worker => "worker",
        }
    }

    /// From that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.as_str() == word)
    }
}

impl Benefit {
    /// The words of all kinds.
    pub const KINDS: [&'static str; 2] = ["enrolment", "files"];

    /// The word in the file and in the database.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Enrolment { .. } => "enrolment",
            Self::Files { .. } => "files",
        }
    }

    /// Its PDFs carry the buyer's address.
    #[must_use]
    pub fn is_stamped(&self) -> bool {
        matches!(self, Self::Files { stamp: true, .. })
    }

    /// The same thing on the other side, whoever hands it over.
    #[must_use]
    pub fn is_same_promise(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Files { source, folder, .. },
                Self::Files {
                    source: other_source,
                    folder: other_folder,
                    ..
                },
            ) => (source, folder) == (other_source, other_folder),
            _ => self == other,
        }
    }
}

crate::statements! {
    UPSERT = "INSERT INTO courses (slug, title, summary, url, url_key, price, rights, access_days, \
              cover, active, position, stamp) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11) \
              ON CONFLICT (slug) DO UPDATE SET title = excluded.title, summary = excluded.summary, \
              url = excluded.url, url_key = excluded.url_key, price = excluded.price, \
              rights = excluded.rights, access_days = excluded.access_days, \
              cover = excluded.cover, active = excluded.active, position = excluded.position, \
              stamp = excluded.stamp";
    TAKE_ALL_OFF_SALE = "UPDATE courses SET active = 0 WHERE active = 1";
    DELETE_BENEFITS = "DELETE FROM benefits";
    INSERT_BENEFIT = "INSERT INTO benefits (course, position, kind, connection, remote_course, \
                      source, folder, destination, drive, stamp) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    ON_SALE = "SELECT slug, title, summary, url, price, rights, access_days, cover, active, \
               position FROM courses WHERE active = 1 ORDER BY position";
    ON_SALE_BENEFITS = "SELECT b.course, b.kind, b.connection, b.remote_course, b.source, \
                        b.folder, b.destination, b.drive, b.stamp FROM benefits b \
                        JOIN courses c ON c.slug = b.course WHERE c.active = 1 \
                        ORDER BY c.position, b.position";
    BY_SLUG = "SELECT slug, title, summary, url, price, rights, access_days, cover, active, \
               position FROM courses WHERE slug = $1";
    BY_PAGE = "SELECT slug, title, summary, url, price, rights, access_days, cover, active, \
               position FROM courses WHERE url_key = $1 AND active = 1";
    BENEFITS_OF = "SELECT course, kind, connection, remote_course, source, folder, destination, drive, stamp \
                   FROM benefits WHERE course = $1 ORDER BY position";
    IS_STAMPED = "SELECT COALESCE((SELECT b.stamp FROM benefits b WHERE b.course = c.slug AND b.source = $2 \
                  AND b.folder = $3), c.stamp) AS stamped FROM courses c WHERE c.slug = $1";
}

/// The course on sale with this slug, or on this page of the seller's.
pub async fn find(tx: &mut Tx<'_>, url_or_slug: &str) -> Result<Option<Course>> {
    let wanted = url_or_slug.trim();
    let row = if Slug::parse(wanted).is_ok() {
        tx.row(&BY_SLUG, args![wanted]).await?
    } else if let Some(key) = page_key(wanted) {
        tx.row(&BY_PAGE, args![key]).await?
    } else {
        None
    };
    let found = with_benefits(tx, row).await?;
    Ok(found.filter(|course| course.active))
}

/// The course with this slug, on sale or not; one that left the catalogue has no benefits any more.
pub async fn by_slug(tx: &mut Tx<'_>, slug: &Slug) -> Result<Option<Course>> {
    let row = tx.row(&BY_SLUG, args![slug]).await?;
    with_benefits(tx, row).await
}

/// PDFs of this folder are stamped for the course's buyers. Of a course that left the catalogue: as
/// long as one of its folders was.
pub async fn is_stamped(tx: &mut Tx<'_>, course: &str, source: &str, folder: &str) -> Result<bool> {
    let row = tx.row(&IS_STAMPED, args![course, source, folder]).await?;
    row.map_or(Ok(false), |row| Ok(row.get("stamped")?))
}

/// Every course on sale, in file order.
pub(super) async fn on_sale(tx: &mut Tx<'_>) -> Result<Vec<Course>> {
    let rows = tx.rows(&ON_SALE, args![]).await?;
    let mut courses = rows
        .iter()
        .map(course)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let rows = tx.rows(&ON_SALE_BENEFITS, args![]).await?;
    let mut rows = rows.iter().peekable();
    for course in &mut courses {
        while let Some(row) = rows.peek() {
            if row.get::<Slug>("course")? != course.slug {
                break;
            }
            course.benefits.push(benefit(row)?);
            rows.next();
        }
    }
    Ok(courses)
}

/// Puts these courses on sale and takes every other off.
pub(super) async fn replace(tx: &mut Tx<'_>, courses: &[Course]) -> Result<()> {
    tx.exec(&DELETE_BENEFITS, args![]).await?;
    // Before the first upsert: a page may have moved from one course to another.
    tx.exec(&TAKE_ALL_OFF_SALE, args![]).await?;
    for (position, course) in courses.iter().enumerate() {
        upsert(tx, course, position).await?;
        for (place, benefit) in course.benefits.iter().enumerate() {
            insert_benefit(tx, &course.slug, place, benefit).await?;
        }
    }
    Ok(())
}

async fn upsert(tx: &mut Tx<'_>, course: &Course, position: usize) -> Result<()> {
    let args = args![
        &course.slug,
        course.title.as_str(),
        course.summary.as_str(),
        course.url.as_str(),
        course.url.key(),
        course.price.minor,
        course.rights.as_str(),
        course.access_days,
        course.cover.as_deref(),
        position,
        course.benefits.iter().any(Benefit::is_stamped),
    ];
    tx.exec(&UPSERT, args).await?;
    Ok(())
}

async fn insert_benefit(
    tx: &mut Tx<'_>,
    course: &Slug,
    position: usize,
    benefit: &Benefit,
) -> Result<()> {
    let none = None::<&str>;
    let kind = benefit.kind();
    match benefit {
        Benefit::Enrolment {
            connection,
            course: remote,
        } => {
            let args = args![
                course, position, kind, connection, remote, none, none, none, none, false
            ];
            tx.exec(&INSERT_BENEFIT, args).await?;
        }
        Benefit::Files {
            source,
            folder,
            destination,
            drive,
            stamp,
        } => {
            let by = destination.as_str();
            let args = args![
                course,
                position,
                kind,
                none,
                none,
                source,
                folder,
                by,
                drive.as_deref(),
                *stamp
            ];
            tx.exec(&INSERT_BENEFIT, args).await?;
        }
    }
    Ok(())
}

async fn with_benefits(tx: &mut Tx<'_>, row: Option<Row>) -> Result<Option<Course>> {
    let Some(row) = row else {
        return Ok(None);
    };
    let mut course = course(&row)?;
    let rows = tx.rows(&BENEFITS_OF, args![&course.slug]).await?;
    course.benefits = rows.iter().map(benefit).collect::<anyhow::Result<_>>()?;
    Ok(Some(course))
}

fn course(row: &Row) -> anyhow::Result<Course> {
    let rights: String = row.get("rights")?;
    let days: Option<i64> = row.get("access_days")?;
    Ok(Course {
        slug: row.get("slug")?,
        title: row.get("title")?,
        summary: row.get("summary")?,
        url: row.get("url")?,
        price: Money::vnd(row.get("price")?),
        rights: Rights::parse(&rights).with_context(|| format!("rights {rights:?}"))?,
        access_days: days.map(u32::try_from).transpose()?,
        cover: row.get("cover")?,
        active: row.get("active")?,
        benefits: Vec::new(),
        position: usize::try_from(row.get::<i64>("position")?)?,
    })
}

fn benefit(row: &Row) -> anyhow::Result<Benefit> {
    let kind: String = row.get("kind")?;
    match kind.as_str() {
        "enrolment" => Ok(Benefit::Enrolment {
            connection: row.get("connection")?,
            course: row.get("remote_course")?,
        }),
        "files" => {
            let by: String = row.get("destination")?;
            Ok(Benefit::Files {
                source: row.get("source")?,
                folder: row.get("folder")?,
                destination: Destination::parse(&by)
                    .with_context(|| format!("destination {by:?}"))?,
                stamp: row.get("stamp")?,
                drive: row.get("drive")?,
            })
        }
        other => bail!("benefit of kind {other:?}"),
    }
}

//! Lists go out a page at a time; `next` of one page is `after` of the following.

use serde::Serialize;
use utoipa::ToSchema;

/// Which part of a list.
#[derive(Debug, Clone)]
pub struct Window<I> {
    /// What follows this one; from the beginning when missing.
    pub after: Option<I>,
    /// At most so many.
    pub limit: i64,
}

impl<I> Window<I> {
    /// One row more than is shown tells whether there is a next page.
    #[must_use]
    pub fn rows(&self) -> i64 {
        self.limit + 1
    }

    /// A page of the rows that were found with [`Window::rows`].
    pub fn page<R, T: Identified>(&self, rows: Vec<R>, view: impl Fn(R) -> T) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(0);
        let more = rows.len() > limit;
        let items: Vec<T> = rows.into_iter().take(limit).map(view).collect();
        let next = items.last().filter(|_| more).map(|item| item.id().into());
        Page { items, next }
    }
}

/// What has an id to go on from.
pub trait Identified {
    /// The id.
    fn id(&self) -> &str;
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// `after` of the next page; null: there is none.
    pub next: Option<String>,
}

/// What a call has moved.
#[derive(Debug, Serialize, ToSchema)]
pub struct Moved {
    /// Ids.
    pub moved: Vec<String>,
}

impl Moved {
    /// One thing.
    #[must_use]
    pub fn one(id: impl Into<String>) -> Self {
        Self {
            moved: vec![id.into()],
        }
    }
}

macro_rules! identified {
    ($($row:ty),* $(,)?) => {$(
        impl $crate::web::api::admin::page::Identified for $row {
            fn id(&self) -> &str { &self.id }
        }
    )*};
}

pub(super) use identified;

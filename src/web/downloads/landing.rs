//! The page behind the link of an e-mail: it lists the files of one grant. Opening it changes nothing,
//! because mail scanners open every link; each file's own link is short-lived and checked at its click.

use std::time::Duration;

use askama::Template;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::web::frame::{Frame, Html};
use crate::web::icon::Icon;

/// The files of one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandingView {
    /// The surroundings.
    pub frame: Frame,
    /// The course.
    pub course: String,
    /// The order code.
    pub order_code: String,
    /// What there is, in the course's order.
    pub files: Vec<FileView>,
    /// All of it as one archive, where it can be made.
    pub whole: Option<WholeView>,
    /// The PDFs carry the buyer's address.
    pub stamped: bool,
    /// Until when the links on this page work; a reload gives fresh ones.
    pub links_until: Timestamp,
    /// Until when the buyer has access; `None` is for good.
    pub access_until: Option<Timestamp>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    /// Its name, as the seller named it.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The signed link.
    pub href: String,
}

/// All files as one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeView {
    /// Its size in bytes.
    pub bytes: u64,
    /// The signed link.
    pub href: String,
}

/// Why a link of the download server gives no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// 410: the link is too old. Where a fresh one is, if that can be told from the link.
    Expired {
        /// The landing page.
        fresh: Option<String>,
    },
    /// 403: the right to these files has ended.
    AccessEnded,
    /// 403: the link was changed or is not whole.
    NotWhole,
    /// 429: too many downloads run at once.
    Crowded(Duration),
    /// 429: what may be downloaded within a day has been; on from `at`, which is so far away.
    Spent {
        /// When it goes on.
        at: Timestamp,
        /// How long that is.
        after: Duration,
    },
}

/// The page in place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedView {
    /// The surroundings.
    pub frame: Frame,
    /// Why.
    pub closed: Closed,
}

#[derive(Template)]
#[template(path = "pages/files.html")]
struct LandingPage<'a> {
    frame: &'a Frame,
    view: &'a LandingView,
}

#[derive(Template)]
#[template(path = "pages/files_closed.html")]
struct ClosedPage<'a> {
    frame: &'a Frame,
    view: &'a ClosedView,
}

impl LandingView {
    /// The whole page.
    pub fn page(&self) -> Result<String> {
        let page = LandingPage {
            frame: &self.frame,
            view: self,
        };
        Ok(page.render()?)
    }

    fn total_size(&self) -> String {
        let bytes: u64 = self.files.iter().map(|file| file.bytes).sum();
        self.frame.size(&bytes)
    }

    /// Every state, by name.
    #[must_use]
    pub fn samples(frame: &Frame) -> Vec<(&'static str, Self)> {
        let now = Timestamp(1_763_708_720_000);
        let after = |hours: u64| now.plus(Duration::from_secs(hours * 3600));
        let file = |name: &str, bytes| FileView {
            name: name.to_owned(),
            bytes,
            href: "/files/v1.1.gra_01.0.1763730320.c2ln".to_owned(),
        };
        let files = LandingView {
            frame: frame.clone(),
            course: "Excel cho người đi làm".to_owned(),
            order_code: "DHK7M2QX9A".to_owned(),
            files: vec![
                file("Bài 01 – Bảng tính đầu tiên.mp4", 1_248_000_000),
                file("Bài 02 – Hàm và công thức.mp4", 986_400_000),
                file("Giáo trình đầy đủ.pdf", 4_310_000),
                file("Bảng mẫu.xlsx", 82_400),
            ],
            whole: Some(WholeView {
                bytes: 2_238_794_612,
                href: "/files/v1.1.gra_01..1763730320.c2ln".to_owned(),
            }),
            stamped: true,
            links_until: after(6),
            access_until: Some(after(24 * 365)),
        };
        let no_archive = LandingView {
            whole: None,
            stamped: false,
            ..files.clone()
        };
        let no_files = LandingView {
            files: Vec::new(),
            access_until: None,
            ..no_archive.clone()
        };
        vec![
            ("files", files),
            ("no_archive", no_archive),
            ("no_files", no_files),
        ]
    }
}

impl FileView {
    /// What stands on its tile: the ending of the name, when it is short enough to be one.
    fn ending(&self) -> String {
        match self.name.rsplit_once('.') {
            Some((_, end)) if (1..=4).contains(&end.chars().count()) => end.to_uppercase(),
            _ => String::new(),
        }
    }
}

impl Closed {
    /// Its HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Expired { .. } => 410,
            Self::AccessEnded | Self::NotWhole => 403,
            Self::Crowded(_) | Self::Spent { .. } => 429,
        }
    }

    /// For `Retry-After`.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Crowded(after) | Self::Spent { after, .. } => Some(*after),
            Self::Expired { .. } | Self::AccessEnded | Self::NotWhole => None,
        }
    }

    fn key(&self) -> &'static str {
        match self {
            Self::Expired { fresh: Some(_) } => "expired",
            Self::Expired { fresh: None } => "expired_for_good",
            Self::AccessEnded => "ended",
            Self::NotWhole => "not_whole",
            Self::Crowded(_) => "crowded",
            Self::Spent { .. } => "spent",
        }
    }

    fn icon(&self) -> Icon {
        match self {
            Self::Expired { .. } | Self::Crowded(_) | Self::Spent { .. } => Icon::Clock,
            Self::AccessEnded | Self::NotWhole => Icon::Lock,
        }
    }
}

impl ClosedView {
    /// The whole page.
    pub fn page(&self) -> Result<String> {
        let page = ClosedPage {
            frame: &self.frame,
            view: self,
        };
        Ok(page.render()?)
    }

    fn title(&self) -> String {
        let key = format!("files.{}.title", self.closed.key());
        self.frame.say(&key).into_owned()
    }

    fn text(&self) -> Html {
        let key = format!("files.{}.text", self.closed.key());
        match &self.closed {
            Closed::Spent { at, .. } => self.frame.at(&key, self.frame.short(at)),
            _ => self.frame.html_with(&key, &[]),
        }
    }

    /// Every state, by name.
    #[must_use]
    pub fn samples(frame: &Frame) -> Vec<(&'static str, Self)> {
        let view = |closed| Self {
            frame: frame.clone(),
            closed,
        };
        let fresh = Some("/f/v1.1.gra_01".to_owned());
        vec![
            ("link_expired", view(Closed::Expired { fresh })),
            (
                "link_expired_for_good",
                view(Closed::Expired { fresh: None }),
            ),
            ("access_ended", view(Closed::AccessEnded)),
            ("link_not_whole", view(Closed::NotWhole)),
            ("crowded", view(Closed::Crowded(Duration::from_secs(30)))),
            (
                "spent",
                view(Closed::Spent {
                    at: Timestamp(1_763_730_320_000),
                    after: Duration::from_hours(6),
                }),
            ),
        ]
    }
}

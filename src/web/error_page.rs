//! What a person reads in a browser when there is no page to show. Programs get problem JSON from
//! `web/problem.rs` instead. Never an internal text.

use std::time::Duration;

use askama::Template;

use crate::error::Result;
use crate::web::frame::Frame;
use crate::web::icon::Icon;

/// Why there is no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 410.
    Gone,
    /// 429; again after this long.
    TooMany(Duration),
    /// 500.
    Internal,
}

/// An error page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorView {
    /// The surroundings.
    pub frame: Frame,
    /// Why there is no page.
    pub problem: Problem,
    /// What to name in a letter to the seller, so that the log can be found.
    pub request_id: Option<String>,
}

#[derive(Template)]
#[template(path = "pages/error.html")]
struct Page<'a> {
    frame: &'a Frame,
    view: &'a ErrorView,
}

impl Problem {
    /// Its HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Gone => 410,
            Self::TooMany(_) => 429,
            Self::Internal => 500,
        }
    }

    fn icon(self) -> Icon {
        match self {
            Self::Forbidden => Icon::Lock,
            Self::NotFound => Icon::Compass,
            Self::Gone | Self::TooMany(_) => Icon::Clock,
            Self::Internal => Icon::Repeat,
        }
    }
}

impl ErrorView {
    /// The whole page.
    pub fn page(&self) -> Result<String> {
        let page = Page {
            frame: &self.frame,
            view: self,
        };
        Ok(page.render()?)
    }

    fn title(&self) -> String {
        let key = format!("error_page.{}.title", self.problem.status());
        self.frame.say(&key).into_owned()
    }

    fn text(&self) -> String {
        let key = format!("error_page.{}.text", self.problem.status());
        match self.problem {
            Problem::TooMany(after) => self.frame.with(&key, "seconds", after.as_secs().max(1)),
            _ => self.frame.say(&key).into_owned(),
        }
    }

    /// Every state, by name.
    #[must_use]
    pub fn samples(frame: &Frame) -> Vec<(&'static str, Self)> {
        let view = |problem, request_id: Option<&str>| Self {
            frame: frame.clone(),
            problem,
            request_id: request_id.map(str::to_owned),
        };
        vec![
            ("forbidden", view(Problem::Forbidden, None)),
            ("not_found", view(Problem::NotFound, None)),
            ("gone", view(Problem::Gone, None)),
            (
                "too_many",
                view(Problem::TooMany(Duration::from_secs(30)), None),
            ),
            ("internal", view(Problem::Internal, Some("01JD6Z8QK3"))),
        ]
    }
}

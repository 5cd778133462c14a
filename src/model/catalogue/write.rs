//! The canonical text of a catalogue: fixed order of keys, one blank line between tables, what is
//! unset left out. Reading it gives the same catalogue, and a file in this form comes back as it was.

use toml::Value;

use super::Catalogue;
use crate::model::bundle::{Bundle, Combo};
use crate::model::course::{Benefit, Course, Destination};

/// The file that says this catalogue.
#[must_use]
pub fn write(catalogue: &Catalogue) -> String {
    let mut page = Page::default();
    for course in &catalogue.courses {
        page.course(course);
    }
    for bundle in &catalogue.bundles {
        page.bundle(bundle);
    }
    for combo in &catalogue.combos {
        page.combo(*combo);
    }
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn course(&mut self, course: &Course) {
        self.table("course");
        self.text("slug", course.slug.as_str());
        self.text("title", &course.title);
        self.text("summary", &course.summary);
        self.text("url", course.url.as_str());
        self.line("price", &course.price.minor.to_string());
        self.text("rights", course.rights.as_str());
        if let Some(days) = course.access_days {
            self.line("access_days", &days.to_string());
        }
        if let Some(cover) = &course.cover {
            self.text("cover", cover);
        }
        for benefit in &course.benefits {
            self.benefit(benefit);
        }
    }

    fn benefit(&mut self, benefit: &Benefit) {
        self.table("course.benefit");
        self.text("kind", benefit.kind());
        match benefit {
            Benefit::Enrolment { connection, course } => {
                self.text("connection", connection);
                self.text("course", course);
            }
            Benefit::Files {
                source,
                folder,
                destination,
                drive,
                stamp,
            } => {
                self.text("source", source);
                self.text("folder", folder);
                if *destination != Destination::default() {
                    self.text("destination", destination.as_str());
                }
                if let Some(drive) = drive {
                    self.text("drive", drive);
                }
                if *stamp {
                    self.line("stamp", "true");
                }
            }
        }
    }

    fn bundle(&mut self, bundle: &Bundle) {
        self.table("bundle");
        self.text("slug", bundle.slug.as_str());
        self.text("title", &bundle.title);
        if let Some(summary) = &bundle.summary {
            self.text("summary", summary);
        }
        self.line("price", &bundle.price.minor.to_string());
        self.0.push_str("courses = [\n");
        for course in &bundle.courses {
            self.0.extend(["    \"", course.as_str(), "\",\n"]);
        }
        self.0.push_str("]\n");
    }

    fn combo(&mut self, combo: Combo) {
        self.table("combo");
        self.line("courses", &combo.courses.to_string());
        self.line("price", &combo.price.minor.to_string());
    }

    fn table(&mut self, name: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.0.extend([gap, "[[", name, "]]\n"]);
    }

    fn text(&mut self, key: &str, text: &str) {
        self.line(key, &Value::from(text).to_string());
    }

    fn line(&mut self, key: &str, value: &str) {
        self.0.extend([key, " = ", value, "\n"]);
    }
}

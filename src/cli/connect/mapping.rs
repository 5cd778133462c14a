//! A course of the catalogue mapped to a course of the platform: the lines for the catalogue file, and
//! put into it when it is named. The stored catalogue is left alone: a server that runs does not know
//! the new connection, and orders would wait for it.

use std::path::Path;

use anyhow::{Context, ensure};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::Mapped;
use super::settings_file::replace;

/// What the catalogue says of it.
fn benefit(connection: &str, course: &str) -> Table {
    let mut table = Table::new();
    table.insert("kind", value("enrolment"));
    table.insert("connection", value(connection));
    table.insert("course", value(course));
    table
}

/// The same as text to be pasted.
pub(super) fn lines(connection: &str, course: &str) -> String {
    format!("[[course.benefit]]\n{}", benefit(connection, course))
}

/// Put it into a catalogue file, below the course with this slug; everything else stays as it is.
pub(super) fn put(file: &Path, connection: &str, mapped: &Mapped) -> anyhow::Result<()> {
    let reading = || format!("reading {}", file.display());
    let text = std::fs::read_to_string(file).with_context(reading)?;
    let mut catalogue: DocumentMut = text.parse().with_context(reading)?;
    let course = catalogue
        .get_mut("course")
        .and_then(Item::as_array_of_tables_mut)
        .and_then(|courses| courses.iter_mut().find(|course| is(course, &mapped.slug)))
        .with_context(|| format!("{} has no course {}", file.display(), mapped.slug))?;
    let benefits = course
        .entry("benefit")
        .or_insert_with(|| ArrayOfTables::new().into())
        .as_array_of_tables_mut()
        .context("its benefits are not written as [[course.benefit]]")?;
    let new = benefit(connection, &mapped.course);
    ensure!(
        !benefits.iter().any(|old| same(old, &new)),
        "{} has this already",
        file.display()
    );
    benefits.push(new);
    let text = catalogue.to_string();
    replace(file, &text, false).with_context(|| format!("writing {}", file.display()))
}

fn is(course: &Table, slug: &str) -> bool {
    course.get("slug").and_then(Item::as_str) == Some(slug)
}

fn same(old: &Table, new: &Table) -> bool {
    ["kind", "connection", "course"].iter().all(|key| {
        let text = |table: &Table| table.get(key).and_then(Item::as_str).map(str::to_owned);
        text(old) == text(new)
    })
}

//! Tables of the catalogue file, field by field, with every fault put down beside its line.
//! Knows TOML and lines; knows nothing of courses.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One fault of a catalogue file, for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CatalogueFault {
    /// Line in the file, from 1.
    pub line: usize,
    /// What is wrong there, in a sentence.
    pub what: String,
}

impl fmt::Display for CatalogueFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// A value of the file and where it stands.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// What a value must be: the thing itself, or how the sentence about its key goes on.
pub(super) type Parsed<T> = Result<T, String>;

/// Where faults are put down.
pub(super) struct Faults {
    line_starts: Vec<usize>,
    found: RefCell<Vec<CatalogueFault>>,
}

impl Faults {
    pub(super) fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            line_starts: std::iter::once(0)
                .chain(ends.map(|(at, _)| at + 1))
                .collect(),
            found: RefCell::default(),
        }
    }

    /// The line, from 1, on which a span begins.
    fn line(&self, span: &Range<usize>) -> usize {
        self.line_starts
            .partition_point(|start| *start <= span.start)
    }

    pub(super) fn add(&self, span: &Range<usize>, what: String) {
        let line = self.line(span);
        self.found.borrow_mut().push(CatalogueFault { line, what });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// All that were found, from the top of the file down.
    pub(super) fn into_list(self) -> Vec<CatalogueFault> {
        let mut list = self.found.into_inner();
        list.sort_by_key(|fault| fault.line);
        list
    }
}

/// One table whose keys are all accounted for.
pub(super) struct Fields<'t> {
    table: &'t DeTable<'t>,
    /// Where the table begins.
    pub(super) span: Range<usize>,
    /// How sentences about it begin: `course "rust": `, empty for the file itself.
    who: String,
    faults: &'t Faults,
}

impl<'t> Fields<'t> {
    /// The file's own table.
    pub(super) fn top(document: &'t Spanned<DeTable<'t>>, faults: &'t Faults) -> Self {
        Self {
            table: document.get_ref(),
            span: document.span(),
            who: String::new(),
            faults,
        }
    }

    /// A table below this one: `kind` and its slug name it in sentences.
    pub(super) fn below(&self, value: &'t Value<'t>, kind: &str) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            self.add(&value.span(), &format!("a {kind} must be a table"));
            return None;
        };
        let slug = table.get("slug").and_then(|slug| slug.get_ref().as_str());
        let name = slug.map(|slug| format!(" {slug:?}")).unwrap_or_default();
        Some(Self {
            table,
            span: value.span(),
            who: format!("{}{kind}{name}: ", self.who),
            faults: self.faults,
        })
    }

    /// Every key that is not one of these is a fault.
    pub(super) fn only(&self, keys: &[&str]) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !keys.contains(&name) {
                let known = keys.join(", ");
                let what = format!("unknown key {name:?}; known here: {known}");
                self.add(&key.span(), &what);
            }
        }
    }

    /// A value that must be there.
    pub(super) fn required<T>(
        &self,
        key: &str,
        parse: impl Fn(&DeValue<'_>) -> Parsed<T>,
    ) -> Option<T> {
        if !self.table.contains_key(key) {
            self.add(&self.span, &format!("{key} is missing"));
        }
        self.optional(key, parse)
    }

    /// A value that may be there. One that is faulty is put down and passed over.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        parse: impl Fn(&DeValue<'_>) -> Parsed<T>,
    ) -> Option<T> {
        self.parse(key, self.table.get(key)?, parse)
    }

    /// The elements of a list, empty when the key is missing; `None` when it is no list or has
    /// more than `most`, which is put down.
    pub(super) fn list(&self, key: &str, most: usize) -> Option<&'t [Value<'t>]> {
        let Some(value) = self.table.get(key) else {
            return Some(&[]);
        };
        let list = value.get_ref().as_array();
        if list.is_none_or(|list| list.len() > most) {
            let what = format!("{key} must be a list of at most {most}");
            self.add(&value.span(), &what);
            return None;
        }
        list.map(AsRef::as_ref)
    }

    /// The line on which a span begins.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.faults.line(span)
    }

    /// Where the value of a key stands; the table's own place when it is missing.
    pub(super) fn place(&self, key: &str) -> Range<usize> {
        let value = self.table.get(key);
        value.map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Puts down a fault of this table.
    pub(super) fn add(&self, span: &Range<usize>, what: &str) {
        self.faults.add(span, format!("{}{what}", self.who));
    }

    /// A value, or its fault put down under `key`.
    pub(super) fn parse<T>(
        &self,
        key: &str,
        value: &Value<'_>,
        parse: impl Fn(&DeValue<'_>) -> Parsed<T>,
    ) -> Option<T> {
        parse(value.get_ref())
            .map_err(|must| self.add(&value.span(), &format!("{key} {must}")))
            .ok()
    }
}

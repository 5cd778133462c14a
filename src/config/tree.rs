//! The settings as given, before they mean anything: the file's tables with the environment laid
//! over them. Every value remembers where it came from: a span inside the text is a place in the
//! file; a span beyond its end stands for an environment variable.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, ValueDeserializer};

use super::environment::Assignment;
use super::fault::{ConfigFault, Place};

type Node<'t> = Spanned<DeValue<'t>>;

/// The tree, and what is needed to say where a part of it came from.
pub(super) struct Tree<'t> {
    root: Node<'t>,
    file: &'t Path,
    text: &'t str,
    variables: Vec<&'t str>,
}

impl<'t> Tree<'t> {
    /// Parse a file's text; with syntax errors, all of them.
    pub(super) fn parse(file: &'t Path, text: &'t str) -> Result<Self, Vec<ConfigFault>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let tree = Self {
            root: Spanned::new(table.span(), DeValue::Table(table.into_inner())),
            file,
            text,
            variables: Vec::new(),
        };
        if errors.is_empty() {
            return Ok(tree);
        }
        Err(errors
            .iter()
            .map(|error| ConfigFault {
                place: error
                    .span()
                    .map_or_else(|| Place::File(file.to_owned()), |span| tree.place_of(&span)),
                setting: String::new(),
                what: format!("cannot be read as TOML: {}", error.message()),
                remedy: "Mend this line; bursar.example.toml shows how each setting is written"
                    .to_owned(),
            })
            .collect())
    }

    /// Lay one environment variable over the tree.
    pub(super) fn assign(&mut self, given: &'t Assignment) -> Result<(), ConfigFault> {
        if given.only_if_unset && self.find(&given.path).is_some() {
            return Ok(());
        }
        let start = self.text.len() + 1 + self.variables.len();
        let span = start..start + 1;
        let Some(slot) = slot(&mut self.root, &given.path, &span) else {
            return Err(ConfigFault {
                place: Place::Variable(given.variable.clone()),
                setting: given.path.join("."),
                what: "skips a place in the list".to_owned(),
                remedy: "Number the entries 0, 1, 2 without a gap".to_owned(),
            });
        };
        *slot = Spanned::new(span, DeValue::String(Cow::Borrowed(given.text.as_str())));
        self.variables.push(&given.variable);
        Ok(())
    }

    /// Read the whole tree as a `T`.
    pub(super) fn read<T: for<'de> Deserialize<'de>>(&self) -> Result<T, toml::de::Error> {
        T::deserialize(ValueDeserializer::from(self.root.clone()))
    }

    /// The path of the entry whose key or value has this span.
    pub(super) fn path_at(&self, span: &Range<usize>) -> Option<Vec<String>> {
        let mut path = Vec::new();
        locate(&self.root, span, &mut path).then_some(path)
    }

    /// Where a setting was given; [`Place::Unset`] when it was not.
    pub(super) fn place(&self, path: &[String]) -> Place {
        self.find(path)
            .map_or(Place::Unset, |node| self.place_of(&node.span()))
    }

    /// The file's line or the variable that a span stands for.
    pub(super) fn place_of(&self, span: &Range<usize>) -> Place {
        if let Some(variable) = self.variable_of(span) {
            return Place::Variable(variable.to_owned());
        }
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        let line = before.split(|byte| *byte == b'\n').count();
        Place::Line(self.file.to_owned(), line)
    }

    /// A variable is always text. Where a number or a truth value is wanted, read it as that:
    /// true when the entry changed.
    pub(super) fn reinterpret(&mut self, path: &[String]) -> bool {
        let Some(node) = find_mut(&mut self.root, path) else {
            return false;
        };
        let span = node.span();
        let DeValue::String(Cow::Borrowed(text)) = *node.get_ref() else {
            return false;
        };
        let scalar = DeValue::parse(text).ok().map(Spanned::into_inner);
        let Some(value) = scalar.filter(|v| v.is_integer() || v.is_bool()) else {
            return false;
        };
        if span.start <= self.text.len() {
            return false;
        }
        *node = Spanned::new(span, value);
        true
    }

    /// Take an entry out, so that reading can go on; the variables that were in it.
    pub(super) fn strike(&mut self, path: &[String]) -> Vec<String> {
        let Some((last, parents)) = path.split_last() else {
            return Vec::new();
        };
        let mut struck = Vec::new();
        if let Some(node) = self.find(path) {
            let mut spans = Vec::new();
            leaves(node, &mut spans);
            struck.extend(
                spans
                    .iter()
                    .filter_map(|s| self.variable_of(s))
                    .map(str::to_owned),
            );
        }
        if let Some(parent) = find_mut(&mut self.root, parents) {
            match parent.get_mut() {
                DeValue::Table(table) => drop(table.remove(last.as_str())),
                // A list keeps its places, so that later faults name the right one.
                DeValue::Array(entries) => {
                    if let Some(entry) = last.parse().ok().and_then(|i: usize| entries.get_mut(i)) {
                        *entry.get_mut() = DeValue::Table(DeTable::new());
                    }
                }
                _ => {}
            }
        }
        struck
    }

    fn find(&self, path: &[String]) -> Option<&Node<'t>> {
        path.iter()
            .try_fold(&self.root, |node, step| match node.get_ref() {
                DeValue::Table(table) => table.get(step.as_str()),
                DeValue::Array(list) => list.get(step.parse::<usize>().ok()?),
                _ => None,
            })
    }

    fn variable_of(&self, span: &Range<usize>) -> Option<&str> {
        let place = span.start.checked_sub(self.text.len() + 1)?;
        self.variables.get(place).copied()
    }
}

fn find_mut<'n, 't>(root: &'n mut Node<'t>, path: &[String]) -> Option<&'n mut Node<'t>> {
    path.iter()
        .try_fold(root, |node, step| match node.get_mut() {
            DeValue::Table(table) => table.get_mut(step.as_str()),
            DeValue::Array(list) => list.get_mut(step.parse::<usize>().ok()?),
            _ => None,
        })
}

/// The place for a value, made where absent; `None` for a gap in a list. What is made on the way
/// gets the variable's span, one wider at each level: a span must single out one entry.
fn slot<'n, 't>(
    node: &'n mut Node<'t>,
    path: &'t [String],
    span: &Range<usize>,
) -> Option<&'n mut Node<'t>> {
    let Some((step, rest)) = path.split_first() else {
        return Some(node);
    };
    let span = &(span.start..span.end + 1);
    let empty = || Spanned::new(span.clone(), DeValue::Table(DeTable::new()));
    let numbered = step.parse::<usize>().ok();
    let child = match (numbered, node.get_ref()) {
        (Some(_), DeValue::Array(_)) => list_slot(node, numbered?, empty())?,
        (Some(_), DeValue::Table(table)) if table.is_empty() => {
            *node.get_mut() = DeValue::Array(DeArray::new());
            list_slot(node, numbered?, empty())?
        }
        (_, DeValue::Table(_)) => table_slot(node, step, empty())?,
        _ => {
            *node = empty();
            table_slot(node, step, empty())?
        }
    };
    slot(child, rest, span)
}

fn table_slot<'n, 't>(
    node: &'n mut Node<'t>,
    key: &'t str,
    empty: Node<'t>,
) -> Option<&'n mut Node<'t>> {
    let DeValue::Table(table) = node.get_mut() else {
        return None;
    };
    if !table.contains_key(key) {
        let name = Spanned::new(empty.span(), Cow::Borrowed(key));
        table.insert(name, empty);
    }
    table.get_mut(key)
}

fn list_slot<'n, 't>(
    node: &'n mut Node<'t>,
    place: usize,
    empty: Node<'t>,
) -> Option<&'n mut Node<'t>> {
    let DeValue::Array(list) = node.get_mut() else {
        return None;
    };
    if place == list.len() {
        list.push(empty);
    }
    list.get_mut(place)
}

fn locate(node: &Node<'_>, span: &Range<usize>, path: &mut Vec<String>) -> bool {
    let mut visit = |step: String, key: Option<Range<usize>>, child: &Node<'_>| {
        path.push(step);
        let found =
            key.as_ref() == Some(span) || child.span() == *span || locate(child, span, path);
        if !found {
            path.pop();
        }
        found
    };
    match node.get_ref() {
        DeValue::Table(table) => table
            .iter()
            .any(|(key, child)| visit(key.get_ref().to_string(), Some(key.span()), child)),
        DeValue::Array(list) => list
            .iter()
            .enumerate()
            .any(|(place, child)| visit(place.to_string(), None, child)),
        _ => false,
    }
}

fn leaves(node: &Node<'_>, spans: &mut Vec<Range<usize>>) {
    match node.get_ref() {
        DeValue::Table(table) => table.iter().for_each(|(_, child)| leaves(child, spans)),
        DeValue::Array(list) => list.iter().for_each(|child| leaves(child, spans)),
        _ => spans.push(node.span()),
    }
}

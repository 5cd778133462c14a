//! The `q` of a list, as far as Bursar and simple programs write it: clauses joined by `and`.
//! Source: developers.google.com/workspace/drive/api/guides/ref-search-terms.

use super::store::Item;

/// One condition.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Clause {
    Name(String),
    Parent(String),
    Mime(String),
    Trashed(bool),
}

impl Clause {
    pub fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Name(name) => item.name == *name,
            Self::Parent(parent) => item.parents.contains(parent),
            Self::Mime(mime) => item.mime == *mime,
            Self::Trashed(trashed) => item.trashed == *trashed,
        }
    }
}

/// None: it is not understood.
pub(super) fn parse(q: &str) -> Option<Vec<Clause>> {
    let mut rest = q.trim();
    let mut clauses = Vec::new();
    while !rest.is_empty() {
        let (clause, after) = clause(rest)?;
        clauses.push(clause);
        rest = after.trim_start();
        if !rest.is_empty() {
            rest = rest.strip_prefix("and ")?.trim_start();
        }
    }
    Some(clauses)
}

fn clause(text: &str) -> Option<(Clause, &str)> {
    if text.starts_with('\'') {
        let (parent, rest) = literal(text)?;
        let rest = rest.trim_start().strip_prefix("in parents")?;
        return Some((Clause::Parent(parent), rest));
    }
    let (name, rest) = text.split_once('=')?;
    let rest = rest.trim_start();
    match name.trim() {
        "trashed" => {
            let is_true = rest.starts_with("true");
            let rest = rest.strip_prefix(if is_true { "true" } else { "false" })?;
            Some((Clause::Trashed(is_true), rest))
        }
        "name" => literal(rest).map(|(name, rest)| (Clause::Name(name), rest)),
        "mimeType" => literal(rest).map(|(mime, rest)| (Clause::Mime(mime), rest)),
        _ => None,
    }
}

/// A text in single quotes, with `\'` and `\\` in it.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('\'')?.char_indices();
    let mut value = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            '\'' => return Some((value, &text[at + 2..])),
            _ => value.push(c),
        }
    }
    None
}

//! The `fields` of a request: which parts of an answer are given. What is not asked for is left out,
//! as Google does.

use serde_json::{Map, Value};

/// The parts of `value` that `mask` names: `id,files(id,name),a/b`, or `*`.
pub(super) fn pick(value: &Value, mask: &str) -> Value {
    match value {
        Value::Array(rows) => Value::Array(rows.iter().map(|row| pick(row, mask)).collect()),
        Value::Object(fields) => {
            let mut picked = Map::new();
            for (name, inner) in parts(mask) {
                if name == "*" {
                    return value.clone();
                }
                if let Some(field) = fields.get(name) {
                    let field = inner.map_or_else(|| field.clone(), |inner| pick(field, inner));
                    picked.insert(name.to_owned(), field);
                }
            }
            Value::Object(picked)
        }
        plain => plain.clone(),
    }
}

/// Names on the top level, each with what is asked for inside it.
fn parts(mask: &str) -> Vec<(&str, Option<&str>)> {
    let (mut depth, mut from) = (0_usize, 0);
    let mut pieces = Vec::new();
    for (at, c) in mask.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                pieces.push(&mask[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&mask[from..]);
    pieces
        .into_iter()
        .map(|piece| split(piece.trim()))
        .collect()
}

fn split(piece: &str) -> (&str, Option<&str>) {
    if let Some((name, inner)) = piece.split_once('(') {
        return (name.trim(), Some(inner.trim_end_matches(')')));
    }
    match piece.split_once('/') {
        Some((name, inner)) => (name, Some(inner)),
        None => (piece, None),
    }
}

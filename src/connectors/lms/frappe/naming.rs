//! A buyer's one line of name, as Frappe's two fields.

/// Frappe's own limit for a line of text.
const LONGEST: usize = 140;

/// First word, then the rest. Frappe shows both in this order, so the learner reads what the buyer
/// typed, whichever of the words is the family's. A name without any letter or digit is none: the
/// local part of the address stands in.
pub(super) fn split(name: &str, email: &str) -> (String, String) {
    let words: Vec<&str> = name
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    match words.split_first() {
        Some((first, rest)) if is_name(&cut(first)) => (cut(first), cut(&rest.join(" "))),
        Some(_) if is_name(&cut(&words.join(" "))) => (cut(&words.join(" ")), String::new()),
        _ => (local_part(email), String::new()),
    }
}

fn local_part(email: &str) -> String {
    let local = cut(email.split('@').next().unwrap_or_default());
    if is_name(&local) {
        local
    } else {
        "Learner".to_owned()
    }
}

fn is_name(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

//! A buyer's one line of name, as the two fields that platforms have for it.

/// First word, then the rest, each cut to `longest` characters. Platforms show both in this order, so
/// the learner reads what the buyer typed, whichever of the words is the family's. A name without any
/// letter or digit is none: the local part of the address stands in.
pub(super) fn split(name: &str, email: &str, longest: usize) -> (String, String) {
    let cut = |text: &str| {
        let cut: String = text.chars().take(longest).collect();
        cut.trim_end().to_owned()
    };
    let words: Vec<&str> = name
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    match words.split_first() {
        Some((first, rest)) if is_name(&cut(first)) => (cut(first), cut(&rest.join(" "))),
        Some(_) if is_name(&cut(&words.join(" "))) => (cut(&words.join(" ")), String::new()),
        _ => (local_part(&cut(email)), String::new()),
    }
}

/// The same as one field.
pub(super) fn whole(name: &str, email: &str, longest: usize) -> String {
    let (first, rest) = split(name, email, longest);
    let whole = format!("{first} {rest}");
    whole.trim_end().chars().take(longest).collect()
}

fn local_part(email: &str) -> String {
    let local = email.split('@').next().unwrap_or_default();
    if is_name(local) {
        local.to_owned()
    } else {
        "Learner".to_owned()
    }
}

fn is_name(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

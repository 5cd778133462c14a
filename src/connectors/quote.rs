//! Foreign words made fit for a seller's eyes: no markup, no secrets, no addresses, one short line.

/// Longest quotation, in characters; leaves room for our own words in a `why` of 300.
const LONGEST: usize = 160;

/// `text` without tags, control characters, tracebacks, e-mail addresses and the secrets in `hide`.
#[must_use]
pub fn quote(text: &str, hide: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in hide.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "***");
    }
    let plain = entities(&without_tags(&text));
    let before_trace = plain.split("Traceback (most").next().unwrap_or_default();
    let words: Vec<&str> = before_trace
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if is_address(word) { "(address)" } else { word })
        .collect();
    cut(&words.join(" "))
}

/// A `<` is a tag only where a name, a slash or a declaration follows: "3 < 5" stays.
fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let (before, from_tag) = rest.split_at(open);
        plain.push_str(before);
        let is_tag =
            from_tag[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        if let Some(close) = from_tag.find('>').filter(|_| is_tag) {
            plain.push(' ');
            rest = &from_tag[close + 1..];
        } else {
            plain.push('<');
            rest = &from_tag[1..];
        }
    }
    plain + rest
}

fn entities(text: &str) -> String {
    text.replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

fn is_address(word: &str) -> bool {
    word.split_once('@')
        .is_some_and(|(local, host)| !local.is_empty() && !host.is_empty())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

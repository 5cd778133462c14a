//! Rust sources as text with comments, and on demand strings, blanked out. Every character keeps
//! its place, so that offsets are offsets in the file.

use std::path::Path;

use super::ROOT;

/// One file.
pub(super) struct Source {
    /// From the root of the repository, with `/`.
    pub(super) path: String,
    /// As it is.
    pub(super) text: String,
    /// Without comments.
    pub(super) spoken: String,
    /// Without comments and without what strings hold.
    pub(super) code: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            spoken: blank(text, false),
            code: blank(text, true),
        }
    }

    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.text[..offset].matches('\n').count() + 1
    }

    /// Offsets at which `word` stands alone in `text`, which is one of this file's three.
    pub(super) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        text.match_indices(word)
            .map(|(at, _)| at)
            .filter(move |at| {
                !text[..*at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
            })
    }

    /// `src/web/shop/view.rs` is `web::shop::view`; `src/db/mod.rs` is `db`.
    pub(super) fn module(&self) -> String {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let stem = inside.strip_suffix(".rs").unwrap_or(inside);
        let stem = stem.strip_suffix("/mod").unwrap_or(stem);
        stem.replace('/', "::")
    }
}

/// Every `.rs` file below a folder of the repository, by path.
pub(super) fn read_all(folder: &str) -> Vec<Source> {
    let mut sources: Vec<Source> = files(folder)
        .into_iter()
        .filter(|path| {
            Path::new(path)
                .extension()
                .is_some_and(|ending| ending == "rs")
        })
        .map(|path| {
            let text = std::fs::read_to_string(Path::new(ROOT).join(&path)).unwrap();
            Source::new(&path, &text)
        })
        .collect();
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// Every file below a folder of the repository, from its root; none where the folder is not there.
pub(super) fn files(folder: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(Path::new(ROOT).join(folder)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries.map(Result::unwrap) {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Blanks in place of comments, and of what strings hold where asked.
fn blank(text: &str, strings_too: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, hide) = match token(rest, out.chars().next_back()) {
            Token::Comment(length) => (length, true),
            Token::Literal(length) => (length, strings_too),
            Token::Other => (first.len_utf8(), false),
        };
        for c in rest[..length].chars() {
            if hide && c != '\n' {
                out.extend(std::iter::repeat_n(' ', c.len_utf8()));
            } else {
                out.push(c);
            }
        }
        rest = &rest[length..];
    }
    out
}

enum Token {
    Comment(usize),
    Literal(usize),
    Other,
}

fn token(rest: &str, before: Option<char>) -> Token {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return Token::Comment(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Token::Comment(rest.find("*/").map_or(rest.len(), |at| at + 2));
    }
    if rest.starts_with('"') {
        return Token::Literal(quoted(rest));
    }
    if rest.starts_with('r') && (!in_word || before == Some('b')) {
        let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
        if rest[1 + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let body = &rest[hashes + 2..];
            let length = body
                .find(&end)
                .map_or(rest.len(), |at| at + hashes + 2 + end.len());
            return Token::Literal(length);
        }
    }
    character(rest).map_or(Token::Other, Token::Literal)
}

/// The length of `"…"`, with escapes.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of `'c'` or `'\n'`; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('\'')?;
    if body.starts_with('\\') {
        let end = body.char_indices().skip(2).find(|(_, c)| *c == '\'')?.0;
        return Some(end + 2);
    }
    let first = body.chars().next()?;
    body[first.len_utf8()..]
        .starts_with('\'')
        .then(|| first.len_utf8() + 2)
}

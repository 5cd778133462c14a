//! A buyer's e-mail address and order code on every page of a PDF, so that a copy that was passed on
//! says whose it is. Honest people are reminded; nothing is protected: who wants to can remove it.
//!
//! The whole file is written anew: a mark that was only appended could be cut off again. The letters
//! are those of a font that every reader has, which knows no Vietnamese marks: so the name is not
//! printed, and an address outside of ASCII has question marks.

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};

/// The name of our font in a page's resources: like nobody else's.
const FONT: &str = "BursarStamp";
/// Points.
const SIZE: f32 = 8.0;
const MARGIN: f32 = 14.0;
/// A page that says nothing of its size: US Letter, as readers do.
const LETTER: [f32; 4] = [0.0, 0.0, 612.0, 792.0];
/// Deeper than any tree of pages.
const DEEPEST: usize = 64;

/// What stands on each page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The buyer's address.
    pub email: String,
    /// The order's code.
    pub code: String,
}

/// Why a PDF cannot be stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unstampable {
    /// It opens only with a password, or forbids to be changed.
    #[error("it is encrypted")]
    Encrypted,
    /// Its parts are not where it says.
    #[error("it is broken, or no PDF")]
    Broken,
    /// Larger than the settings allow.
    #[error("it is larger than downloads.stamp.limit_megabytes")]
    TooLarge,
}

/// The same document with the mark on every page; the same input gives the same bytes.
pub fn stamped(pdf: &[u8], mark: &Mark) -> Result<Vec<u8>, Unstampable> {
    let mut document = Document::load_mem(pdf).map_err(|_| Unstampable::Broken)?;
    if document.is_encrypted() || document.was_encrypted() {
        return Err(Unstampable::Encrypted);
    }
    // What was put together by guessing may lack pages.
    if document.xref_recovery.is_some() {
        return Err(Unstampable::Broken);
    }
    let pages: Vec<ObjectId> = document.page_iter().collect();
    if pages.is_empty() {
        return Err(Unstampable::Broken);
    }
    stamp(&mut document, &pages, mark).map_err(|_| Unstampable::Broken)?;
    let mut out = Vec::with_capacity(pdf.len() + pages.len() * 512);
    document
        .save_to(&mut out)
        .map_err(|_| Unstampable::Broken)?;
    Ok(out)
}

fn stamp(document: &mut Document, pages: &[ObjectId], mark: &Mark) -> lopdf::Result<()> {
    let font = document.add_object(dictionary! {
        "Type" => "Font",
        "Subtype" => "Type1",
        "BaseFont" => "Helvetica",
        "Encoding" => "WinAnsiEncoding",
    });
    // What a page leaves in its state must not move the mark.
    let before = document.add_object(Stream::new(Dictionary::new(), b"q\n".to_vec()));
    for page in pages {
        let content = drawing(&place(document, *page), mark);
        let after = document.add_object(Stream::new(Dictionary::new(), content));
        surround(document, *page, before, after)?;
        add_font(document, *page, font)?;
    }
    Ok(())
}

/// White around dark letters: legible on every ground.
fn drawing(place: &str, mark: &Mark) -> Vec<u8> {
    let text = escaped(&format!("{}  |  {}", mark.email, mark.code));
    format!(
        "\nQ\nq\nBT\n/{FONT} {SIZE} Tf\n{place} Tm\n1 G 1.5 w 1 J 1 j 1 Tr\n({text}) Tj\n\
         {place} Tm\n0.25 g 0 Tr\n({text}) Tj\nET\nQ\n"
    )
    .into_bytes()
}

/// The text matrix of the lower left corner as the page is shown, whichever way it is turned.
fn place(document: &Document, page: ObjectId) -> String {
    let [x0, y0, x1, y1] = visible_box(document, page);
    let turned = inherited(document, page, b"Rotate").and_then(|turn| turn.as_i64().ok());
    let m = MARGIN;
    let (matrix, x, y) = match turned.unwrap_or(0).rem_euclid(360) {
        90 => ("0 1 -1 0", x1 - m, y0 + m),
        180 => ("-1 0 0 -1", x1 - m, y1 - m),
        270 => ("0 -1 1 0", x0 + m, y1 - m),
        _ => ("1 0 0 1", x0 + m, y0 + m),
    };
    format!("{matrix} {x:.2} {y:.2}")
}

fn visible_box(document: &Document, page: ObjectId) -> [f32; 4] {
    let edges = |name: &[u8]| {
        let list = inherited(document, page, name)?;
        let numbers = list.as_array().ok()?.iter();
        let numbers: Option<Vec<f32>> = numbers
            .map(|number| document.dereference(number).ok()?.1.as_float().ok())
            .collect();
        let [a, b, c, d]: [f32; 4] = numbers?.try_into().ok()?;
        Some([a.min(c), b.min(d), a.max(c), b.max(d)])
    };
    edges(b"CropBox")
        .or_else(|| edges(b"MediaBox"))
        .unwrap_or(LETTER)
}

/// A value of the page, or of the nearest group of pages that has one.
fn inherited<'d>(document: &'d Document, page: ObjectId, name: &[u8]) -> Option<&'d Object> {
    let mut node = document.get_dictionary(page).ok()?;
    for _ in 0..DEEPEST {
        if let Ok(found) = node.get(name) {
            return document.dereference(found).ok().map(|(_, found)| found);
        }
        let parent = node.get(b"Parent").and_then(Object::as_reference).ok()?;
        node = document.get_dictionary(parent).ok()?;
    }
    None
}

fn surround(
    document: &mut Document,
    page: ObjectId,
    before: ObjectId,
    after: ObjectId,
) -> lopdf::Result<()> {
    let own = document.get_dictionary(page)?.get(b"Contents").cloned();
    let own = match own {
        Err(_) => Vec::new(),
        Ok(Object::Array(list)) => list,
        Ok(Object::Reference(id)) => match document.get_object(id)? {
            Object::Array(list) => list.clone(),
            _ => vec![Object::Reference(id)],
        },
        Ok(single) => vec![single],
    };
    let mut all = vec![Object::Reference(before)];
    all.extend(own);
    all.push(Object::Reference(after));
    let page = document.get_object_mut(page)?.as_dict_mut()?;
    page.set("Contents", all);
    Ok(())
}

fn add_font(document: &mut Document, page: ObjectId, font: ObjectId) -> lopdf::Result<()> {
    let resources = document.get_or_create_resources(page)?.as_dict_mut()?;
    if let Ok(Object::Reference(shared)) = resources.get(b"Font") {
        let shared = *shared;
        let fonts = document.get_object_mut(shared)?.as_dict_mut()?;
        fonts.set(FONT, font);
        return Ok(());
    }
    if !resources.has(b"Font") {
        resources.set("Font", Dictionary::new());
    }
    resources.get_mut(b"Font")?.as_dict_mut()?.set(FONT, font);
    Ok(())
}

/// As a literal string (ISO 32000-1, 7.3.4.2).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '(' | ')' | '\\' => out.extend(['\\', letter]),
            ' '..='~' => out.push(letter),
            _ => out.push('?'),
        }
    }
    out
}

//! The mark on a PDF, and the folder of copies.

use std::sync::Arc;

use bursar::clock::Timestamp;
use bursar::config;
use bursar::web::downloads::copies::{Copies, NoCopy, Original, StampedCopy};
use bursar::web::downloads::stamp::{self, Mark, Unstampable};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const DAY: i64 = 86_400_000;

/// A document of so many pages: all inherit their resources and their size, the second is turned, the
/// third has a resource dictionary and a list of contents of its own.
pub fn sample(pages: usize) -> Vec<u8> {
    document(pages).1
}

fn document(pages: usize) -> (Document, Vec<u8>) {
    let mut document = Document::with_version("1.5");
    let tree = document.new_object_id();
    let font = document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier",
    });
    let fonts = document.add_object(dictionary! { "F1" => font });
    let kids: Vec<Object> = (0..pages)
        .map(|number| page(&mut document, tree, font, number).into())
        .collect();
    let count = i64::try_from(pages).unwrap();
    document.objects.insert(
        tree,
        Object::Dictionary(dictionary! {
            "Type" => "Pages", "Kids" => kids, "Count" => count,
            "Resources" => dictionary! { "Font" => fonts },
            "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        }),
    );
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    document.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    (document, bytes)
}

fn page(document: &mut Document, tree: ObjectId, font: ObjectId, number: usize) -> ObjectId {
    let drawing = format!("0.5 0 0 0.5 0 0 cm BT /F1 12 Tf 50 500 Td (Page {number}) Tj ET");
    let content = document.add_object(Stream::new(Dictionary::new(), drawing.into_bytes()));
    let mut page = dictionary! { "Type" => "Page", "Parent" => tree, "Contents" => content };
    match number {
        1 => page.set("Rotate", 90),
        2 => {
            page.set("Contents", vec![content.into()]);
            page.set(
                "Resources",
                dictionary! { "Font" => dictionary! { "F1" => font } },
            );
        }
        _ => {}
    }
    document.add_object(page)
}

/// What is drawn on each page, as its operators say it.
pub fn printed(pdf: &[u8]) -> Vec<String> {
    let document = Document::load_mem(pdf).unwrap();
    let pages = document.page_iter();
    pages
        .map(|page| String::from_utf8(document.get_page_content(page)).unwrap())
        .collect()
}

fn mark() -> Mark {
    Mark {
        email: "an(1)@example.com".to_owned(),
        code: "DHK7M2QX9A".to_owned(),
    }
}

#[test]
fn every_page_keeps_what_it_had_and_gets_the_mark() {
    let pages = printed(&stamp::stamped(&sample(4), &mark()).unwrap());
    assert_eq!(pages.len(), 4);
    for (number, page) in pages.iter().enumerate() {
        assert!(page.starts_with("q\n"), "{page}");
        assert!(page.contains(&format!("(Page {number}) Tj")), "{page}");
        let drawn = page.split(" ET").nth(1).unwrap();
        assert!(drawn.trim_start().starts_with("Q\nq\nBT"), "{drawn}");
        assert!(
            drawn.contains(r"(an\(1\)@example.com  |  DHK7M2QX9A) Tj"),
            "{drawn}"
        );
    }
    // The page that is turned has its mark along the edge that is shown at the bottom.
    assert!(pages[0].contains("1 0 0 1 14.00 14.00 Tm"), "{}", pages[0]);
    assert!(
        pages[1].contains("0 1 -1 0 581.00 14.00 Tm"),
        "{}",
        pages[1]
    );
}

#[test]
fn a_page_has_the_fonts_it_had_and_ours() {
    let document = Document::load_mem(&stamp::stamped(&sample(3), &mark()).unwrap()).unwrap();
    for page in document.page_iter() {
        let fonts = document.get_page_fonts(page).unwrap();
        let names: Vec<&[u8]> = fonts.keys().map(Vec::as_slice).collect();
        assert_eq!(names, [b"BursarStamp".as_slice(), b"F1"]);
    }
}

#[test]
fn the_same_file_and_buyer_give_the_same_bytes() {
    let first = stamp::stamped(&sample(3), &mark()).unwrap();
    assert_eq!(stamp::stamped(&sample(3), &mark()).unwrap(), first);
    let other = Mark {
        email: "binh@example.com".to_owned(),
        ..mark()
    };
    assert_ne!(stamp::stamped(&sample(3), &other).unwrap(), first);
}

#[test]
fn letters_that_the_font_has_not_become_question_marks() {
    let odd = Mark {
        email: "nguyễn\n@example.com".to_owned(),
        ..mark()
    };
    let page = printed(&stamp::stamped(&sample(1), &odd).unwrap()).remove(0);
    assert!(page.contains("(nguy?n?@example.com  |"), "{page}");
}

#[test]
fn what_is_no_sound_pdf_is_broken() {
    let sound = sample(3);
    let cut = &sound[..sound.len() * 2 / 3];
    let no_pages = sample(0);
    for pdf in [b"".as_slice(), b"%PDF-1.7", b"\x89PNG", cut, &no_pages] {
        assert_eq!(stamp::stamped(pdf, &mark()), Err(Unstampable::Broken));
    }
}

#[test]
fn an_encrypted_pdf_is_told_apart() {
    let (mut document, _) = document(2);
    let id = Object::string_literal("0123456789abcdef");
    document.trailer.set("ID", vec![id.clone(), id]);
    let version = lopdf::EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password: "",
        key_length: 128,
        permissions: lopdf::Permissions::empty(),
    };
    let state = lopdf::EncryptionState::try_from(version).unwrap();
    document.encrypt(&state).unwrap();
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    assert_eq!(stamp::stamped(&bytes, &mark()), Err(Unstampable::Encrypted));
}

// The folder of copies.

struct Desk {
    copies: Arc<Copies>,
    settings: config::Stamp,
    _place: Option<tempfile::TempDir>,
}

impl Desk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let desk = Self::over(config::Stamp {
            folder: place.path().join("made on demand"),
            cache_megabytes: 1,
            limit_megabytes: 1,
            ..config::Stamp::default()
        });
        Self {
            _place: Some(place),
            ..desk
        }
    }

    fn over(settings: config::Stamp) -> Self {
        Self {
            copies: Arc::new(Copies::new(&settings)),
            settings,
            _place: None,
        }
    }

    async fn get(&self, email: &str, pdf: &[u8], now: Timestamp) -> Result<StampedCopy, NoCopy> {
        let etag = crc32fast::hash(pdf).to_string();
        let original = Original {
            place: ("disk", "a.pdf"),
            size: pdf.len() as u64,
            etag: &etag,
        };
        let mark = Mark {
            email: email.to_owned(),
            ..mark()
        };
        let read = async { Ok(pdf.to_vec()) };
        self.copies.get(original, &mark, now, read).await
    }

    fn kept(&self) -> usize {
        std::fs::read_dir(&self.settings.folder).unwrap().count()
    }
}

#[tokio::test]
async fn a_copy_is_made_once_and_found_again_by_another_process() {
    let desk = Desk::new();
    let pdf = sample(3);
    let first = desk.get("an@example.com", &pdf, NOW).await.unwrap();
    let bytes = std::fs::read(&first.path).unwrap();
    assert_eq!(first.facts.size, bytes.len() as u64);
    assert_eq!(first.facts.crc32, crc32fast::hash(&bytes));
    for desk in [&desk, &Desk::over(desk.settings.clone())] {
        assert_eq!(desk.get("an@example.com", &pdf, NOW).await.unwrap(), first);
    }
    let other = desk.get("binh@example.com", &pdf, NOW).await.unwrap();
    assert_ne!(other.path, first.path);
    assert_eq!(desk.kept(), 2);
}

#[tokio::test]
async fn a_copy_that_was_removed_is_made_again_with_the_same_bytes() {
    let desk = Desk::new();
    let first = desk.get("an@example.com", &sample(3), NOW).await.unwrap();
    std::fs::remove_file(&first.path).unwrap();
    let again = desk.get("an@example.com", &sample(3), NOW).await.unwrap();
    assert_eq!(again, first);
}

#[tokio::test]
async fn copies_that_nobody_asks_for_are_removed_after_a_week() {
    let desk = Desk::new();
    let pdf = sample(1);
    let after = |days: i64| Timestamp(NOW.0 + days * DAY);
    desk.get("old@example.com", &pdf, NOW).await.unwrap();
    desk.get("used@example.com", &pdf, NOW).await.unwrap();
    desk.get("used@example.com", &pdf, after(5)).await.unwrap();
    std::fs::write(desk.settings.folder.join("notes.txt"), "the seller's").unwrap();
    desk.get("new@example.com", &pdf, after(8)).await.unwrap();
    assert_eq!(desk.kept(), 3);
}

#[tokio::test]
async fn the_folder_keeps_to_its_limit_and_lets_the_least_used_go() {
    let desk = Desk::new();
    // About 400 kB each: three are more than a megabyte.
    let (mut document, _) = document(1);
    document.add_object(Stream::new(Dictionary::new(), vec![7; 400_000]));
    let mut pdf = Vec::new();
    document.save_to(&mut pdf).unwrap();
    let mut made = Vec::new();
    for (minute, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let now = Timestamp(NOW.0 + i64::try_from(minute).unwrap() * 60_000);
        let email = format!("{name}@example.com");
        made.push(desk.get(&email, &pdf, now).await.unwrap().path);
    }
    let there: Vec<bool> = made.iter().map(|path| path.exists()).collect();
    assert_eq!(there, [false, false, true, true]);
}

#[tokio::test]
async fn a_pdf_over_the_limit_is_not_even_read() {
    let desk = Desk::new();
    let original = Original {
        place: ("disk", "large.pdf"),
        size: 1_000_001,
        etag: "1",
    };
    let read = async { panic!("it was read") };
    let refused = desk.copies.get(original, &mark(), NOW, read).await;
    assert!(matches!(
        refused,
        Err(NoCopy::Unstampable(Unstampable::TooLarge))
    ));
}

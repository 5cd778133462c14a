//! What readers of PDFs that nobody here wrote make of a stamped copy: qpdf finds it sound, and
//! poppler reads the mark on each page.

use std::process::Command;

use bursar::web::downloads::stamp::{self, Mark};

use crate::rules::stamps::sample;

#[test]
#[ignore = "needs qpdf and poppler-utils: ./test --peers"]
fn a_stamped_copy_is_sound_and_its_mark_is_read_on_every_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stamped.pdf");
    let mark = Mark {
        email: "an.nguyen@example.com".to_owned(),
        code: "DHK7M2QX9A".to_owned(),
    };
    std::fs::write(&path, stamp::stamped(&sample(3), &mark).unwrap()).unwrap();
    let checked = Command::new("qpdf").arg("--check").arg(&path).output();
    let checked = checked.expect("qpdf is needed: ./test --peers installs it");
    assert!(checked.status.success(), "{checked:?}");
    let read = Command::new("pdftotext")
        .args(["-layout"])
        .arg(&path)
        .arg("-")
        .output();
    let read = read.expect("pdftotext is needed: ./test --peers installs it");
    let text = String::from_utf8(read.stdout).unwrap();
    let pages: Vec<&str> = text
        .split('\u{c}')
        .filter(|page| !page.trim().is_empty())
        .collect();
    assert_eq!(pages.len(), 3, "{text}");
    for (number, page) in pages.iter().enumerate() {
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(page.contains(&format!("Page {number}")), "{page}");
        assert!(
            page.contains("an.nguyen@example.com | DHK7M2QX9A"),
            "{page}"
        );
    }
}

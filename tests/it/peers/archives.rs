//! Readers of zip archives that nobody here wrote: Info-ZIP, 7-Zip, libarchive (from a pipe too), and
//! Java's reader of streams where there is a Java.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use bursar::web::downloads::archive::Archive;

use crate::rules::archives::{COURSE, GIGABYTE, WRITTEN, hang, whole, zeros};

/// What a program says, which must end well.
fn said(program: &str, words: &[&str], archive: &Path, input: Stdio) -> String {
    let words = words.iter().map(|word| match *word {
        "ARCHIVE" => archive.as_os_str().to_owned(),
        word => word.into(),
    });
    let mut command = Command::new(program);
    let output = command
        .args(words)
        .stdin(input)
        .env("LC_ALL", "C.UTF-8")
        .output();
    let output =
        output.unwrap_or_else(|e| panic!("{program} is needed: ./test --peers installs it: {e}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {text}{wrong}");
    text
}

fn course() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("course.zip");
    fs::write(&path, whole(&COURSE)).unwrap();
    (folder, path)
}

#[test]
#[ignore = "needs unzip, 7z and bsdtar: ./test --peers"]
fn readers_of_others_find_every_file_sound() {
    let (_folder, path) = course();
    for (program, words) in [
        ("unzip", ["-t", "ARCHIVE"].as_slice()),
        ("7z", &["t", "ARCHIVE"]),
        ("bsdtar", &["-tvf", "ARCHIVE"]),
    ] {
        let said = said(program, words, &path, Stdio::null());
        if program != "7z" {
            for (name, _) in COURSE {
                assert!(said.contains(name), "{program}: {said}");
            }
        }
    }
}

#[test]
#[ignore = "needs bsdtar: ./test --peers"]
fn a_reader_that_cannot_seek_gets_every_content() {
    let (_folder, path) = course();
    for (name, content) in COURSE {
        let input = Stdio::from(fs::File::open(&path).unwrap());
        let said = said("bsdtar", &["-xOf", "-", name], &path, input);
        assert_eq!(said, String::from_utf8_lossy(content), "{name}");
    }
}

#[test]
#[ignore = "needs unzip, 7z and bsdtar: ./test --peers"]
fn readers_of_others_see_beyond_four_gigabytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.zip");
    let files = vec![zeros("large.mp4", 4 * GIGABYTE + 7), zeros("behind.bin", 9)];
    hang(&Archive::of(files, WRITTEN).unwrap(), &path);
    for (program, words) in [
        ("unzip", ["-l", "ARCHIVE"].as_slice()),
        ("7z", &["l", "ARCHIVE"]),
        ("bsdtar", &["-tvf", "ARCHIVE"]),
    ] {
        let said = said(program, words, &path, Stdio::null());
        assert!(
            said.contains("4294967303") && said.contains("behind.bin"),
            "{said}"
        );
    }
    let words = ["-tq", "ARCHIVE", "behind.bin"];
    said("unzip", &words, &path, Stdio::null());
}

#[test]
#[ignore = "needs unzip, 7z and bsdtar: ./test --peers"]
fn readers_of_others_count_seventy_thousand_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.zip");
    let many = (0..70_000).map(|number| zeros(&format!("{number}.txt"), 1));
    hang(&Archive::of(many.collect(), WRITTEN).unwrap(), &path);
    let count = |program, words: &[&str]| {
        let said = said(program, words, &path, Stdio::null());
        said.lines().filter(|line| line.contains(".txt")).count()
    };
    assert_eq!(count("unzip", &["-l", "ARCHIVE"]), 70_000);
    assert_eq!(count("7z", &["l", "ARCHIVE"]), 70_000);
    assert_eq!(count("bsdtar", &["-tf", "ARCHIVE"]), 70_000);
}

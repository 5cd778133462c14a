//! The whole course as one zip, from a published version to the bytes on the buyer's disk.

use std::path::Path;
use std::process::Command;

use bursar::config::Unstampable;
use bursar::model::catalogue;
use bursar::model::content::Rule;
use bursar::model::course::Benefit;
use bursar::model::download;
use bursar::words::Locale;

use super::stand::{Stand, each, header, links, text};
use super::versions::{bought, publish};
use crate::harness::databases::KINDS;
use crate::rules::stamps::{printed, sample};

/// The link of the whole course on a landing page.
async fn link(stand: &Stand, landing: &str) -> String {
    let page = stand.page(&format!("{landing}?lang=en")).await;
    assert!(page.contains("Download all ("), "{page}");
    links(&page, "/files/").remove(0)
}

/// The names and the sizes in an archive, as Python finds them; every checksum is right.
fn listed(zip: &[u8], folder: &Path) -> Vec<String> {
    let path = folder.join("whole.zip");
    std::fs::write(&path, zip).unwrap();
    let script = "import sys, zipfile\n\
        z = zipfile.ZipFile(sys.argv[1])\n\
        assert z.testzip() is None\n\
        z.extractall(sys.argv[2])\n\
        for i in z.infolist(): print(i.filename, i.file_size)";
    let mut python = Command::new("python3");
    python
        .args(["-c", script])
        .arg(&path)
        .arg(folder.join("out"));
    let output = python
        .output()
        .expect("python3 is needed: ./test installs it");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_published_course_is_one_zip_that_goes_on_where_it_broke_and_counts_once() {
    each(async |stand| {
        let lessons = stand.folder.path().join("source/read");
        std::fs::create_dir(lessons.join("phụ lục")).unwrap();
        std::fs::write(lessons.join("phụ lục/Bảng.bin"), vec![7; 700_000]).unwrap();
        publish(stand, Rule::All).await;
        let (order, landing) = bought(stand).await;
        let whole = link(stand, &landing).await;
        let answer = stand.get(&whole).send().await.unwrap();
        let (etag, length) = (header(&answer, "etag"), header(&answer, "content-length"));
        assert_eq!(header(&answer, "content-type"), "application/zip");
        let name = header(&answer, "content-disposition");
        assert!(name.contains("filename=\"Tai lieu.zip\""), "{name}");
        let zip = answer.bytes().await.unwrap();
        assert_eq!(length, zip.len().to_string());
        let names = listed(&zip, stand.folder.path());
        let expected = ["Bài 1.txt 20", "Bài 2.txt 17", "phụ lục/Bảng.bin 700000"];
        assert_eq!(names, expected);
        for broken in [0, 33, 60, 100_000, zip.len() - 10] {
            let rest = stand
                .get(&whole)
                .header("range", format!("bytes={broken}-"));
            let rest = rest.header("if-range", &etag).send().await.unwrap();
            assert_eq!(rest.status(), 206);
            assert_eq!(rest.bytes().await.unwrap(), zip[broken..]);
        }
        stand.app.traffic.settled().await;
        let id = order.id.clone();
        let read =
            stand.write(move |tx, _| Box::pin(async move { download::of_order(tx, &id).await }));
        assert_eq!(read.await.remove(0).sessions, 1);

        // Another version is another archive: nothing is continued in it.
        std::fs::write(lessons.join("Bài 1.txt"), "bản hai").unwrap();
        publish(stand, Rule::All).await;
        let rest = stand.get(&whole).header("range", "bytes=100-");
        let rest = rest.header("if-range", &etag).send().await.unwrap();
        assert_eq!(rest.status(), 200);
        assert_ne!(rest.bytes().await.unwrap(), zip);
    })
    .await;
}

#[tokio::test]
async fn a_course_without_a_version_has_no_zip_and_says_nothing_of_it() {
    let stand = Stand::sqlite().await;
    let (_, landing) = bought(&stand).await;
    for locale in Locale::ALL {
        let page = stand
            .page(&format!("{landing}?lang={}", locale.tag()))
            .await;
        let words = locale.say("files.whole_note");
        assert!(!page.contains(&*words), "{page}");
        assert_eq!(links(&page, "/files/").len(), 2);
    }
}

#[tokio::test]
async fn the_stamped_copy_takes_the_place_of_the_plain_one_in_the_zip() {
    for kind in KINDS {
        let copies = tempfile::tempdir().unwrap();
        let stand = Stand::open(kind, |config| {
            config.downloads.stamp.folder = copies.path().join("stamped");
        })
        .await;
        stamped(&stand).await;
        let lessons = stand.folder.path().join("source/read");
        std::fs::write(lessons.join("Giáo trình.pdf"), sample(3)).unwrap();
        publish(&stand, Rule::All).await;
        let mut zips = Vec::new();
        for _ in 0..2 {
            let (order, landing) = bought(&stand).await;
            let whole = link(&stand, &landing).await;
            let zip = stand
                .get(&whole)
                .send()
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap();
            let out = tempfile::tempdir().unwrap();
            assert_eq!(listed(&zip, out.path()).len(), 3);
            let copy = std::fs::read(out.path().join("out/Giáo trình.pdf")).unwrap();
            assert!(
                printed(&copy)
                    .iter()
                    .all(|page| page.contains(&order.email))
            );
            zips.push(zip);
        }
        assert_ne!(zips[0], zips[1]);
    }
}

#[tokio::test]
async fn a_zip_with_a_pdf_that_cannot_be_stamped_is_refused_or_has_it_as_it_is() {
    for (choice, status) in [(Unstampable::Refuse, 500), (Unstampable::Plain, 200)] {
        let copies = tempfile::tempdir().unwrap();
        let stand = Stand::open(KINDS[0], |config| {
            config.downloads.stamp.folder = copies.path().join("stamped");
            config.downloads.stamp.otherwise = choice;
        })
        .await;
        stamped(&stand).await;
        let lessons = stand.folder.path().join("source/read");
        std::fs::write(lessons.join("broken.pdf"), "no PDF at all").unwrap();
        publish(&stand, Rule::All).await;
        let (_, landing) = bought(&stand).await;
        let whole = link(&stand, &landing).await;
        let answer = stand.get(&whole).send().await.unwrap();
        assert_eq!(answer.status(), status);
        if status == 200 {
            let zip = answer.bytes().await.unwrap();
            let names = listed(&zip, stand.folder.path());
            assert!(names.contains(&"broken.pdf 13".to_owned()), "{names:?}");
        } else {
            text(answer, status).await;
        }
    }
}

async fn stamped(stand: &Stand) {
    let changed = stand.write(move |tx, _| {
        Box::pin(async move {
            let mut stock = catalogue::load(tx).await?;
            for benefit in stock.courses.iter_mut().flat_map(|c| &mut c.benefits) {
                if let Benefit::Files { stamp, .. } = benefit {
                    *stamp = true;
                }
            }
            catalogue::replace(tx, &stock).await
        })
    });
    changed.await;
}

//! Copies of PDFs that carry their buyer's address, from the catalogue to the bytes.

use bursar::config::{Config, Unstampable};
use bursar::db::Kind;
use bursar::model::catalogue;
use bursar::model::course::Benefit;
use bursar::words::Locale;
use lopdf::Document;

use super::downloads::delivered;
use super::stand::{Stand, header, links, text};
use crate::harness::databases::KINDS;
use crate::rules::stamps::{printed, sample};

/// A shop whose course has a PDF, and is stamped or not.
async fn stand(kind: Kind, stamp: bool, change: impl FnOnce(&mut Config)) -> Stand {
    let stand = Stand::open(kind, |config| {
        // Beside the outbox, which is in the stand's own folder.
        config.downloads.stamp.folder = config.mail.folder.with_file_name("stamped");
        change(config);
    })
    .await;
    stand
        .write(move |tx, _| {
            Box::pin(async move {
                let mut stock = catalogue::load(tx).await?;
                for benefit in stock.courses.iter_mut().flat_map(|c| &mut c.benefits) {
                    if let Benefit::Files { stamp: mark, .. } = benefit {
                        *mark = stamp;
                    }
                }
                catalogue::replace(tx, &stock).await
            })
        })
        .await;
    put(&stand, "Giáo trình.PDF", &sample(3));
    stand
}

fn put(stand: &Stand, name: &str, content: &[u8]) {
    std::fs::write(stand.folder.path().join("source/read").join(name), content).unwrap();
}

/// The link of the only PDF on the page.
async fn link(stand: &Stand, landing: &str) -> String {
    let page = stand.page(landing).await;
    let all = links(&page, "/files/");
    all.into_iter()
        .find(|link| link.to_lowercase().contains("%2epdf"))
        .unwrap()
}

#[tokio::test]
async fn each_buyer_gets_a_copy_with_their_own_address_and_code_on_every_page() {
    for kind in KINDS {
        let stand = stand(kind, true, |_| {}).await;
        let mut copies = Vec::new();
        for _ in 0..2 {
            let (order, landing) = delivered(&stand).await;
            let page = stand.page(&format!("{landing}?lang=en")).await;
            assert!(page.contains(&*Locale::En.say("files.stamped")), "{page}");
            let file = link(&stand, &landing).await;
            let answer = stand.get(&file).send().await.unwrap();
            let (length, etag) = (header(&answer, "content-length"), header(&answer, "etag"));
            let copy = answer.bytes().await.unwrap();
            assert_eq!(length, copy.len().to_string());
            let pages = printed(&copy);
            assert_eq!(pages.len(), 3);
            for words in pages {
                assert!(words.contains(&order.email), "{words}");
                assert!(words.contains(order.code.as_str()), "{words}");
            }
            let rest = stand.get(&file).header("range", "bytes=1000-");
            let rest = rest.header("if-range", &etag).send().await.unwrap();
            assert_eq!(rest.status(), 206);
            assert_eq!(rest.bytes().await.unwrap(), copy[1000..]);
            copies.push((copy, etag));
        }
        assert_ne!(copies[0], copies[1]);
        assert_ne!(copies[0].1, copies[1].1);
    }
}

#[tokio::test]
async fn a_course_that_does_not_ask_for_it_is_sent_as_it_is() {
    let stand = stand(Kind::Sqlite, false, |_| {}).await;
    let (_, landing) = delivered(&stand).await;
    let file = link(&stand, &landing).await;
    let answer = stand.get(&file).send().await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), sample(3));
}

#[tokio::test]
async fn a_course_that_left_the_catalogue_is_stamped_still() {
    for kind in KINDS {
        let stand = stand(kind, true, |_| {}).await;
        let (order, landing) = delivered(&stand).await;
        let empty = catalogue::Catalogue::default();
        stand
            .write(move |tx, _| Box::pin(async move { catalogue::replace(tx, &empty).await }))
            .await;
        let file = link(&stand, &landing).await;
        let copy = stand
            .get(&file)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert!(printed(&copy)[0].contains(&order.email));
    }
}

#[tokio::test]
async fn a_pdf_that_cannot_be_stamped_is_refused_or_sent_as_it_is_as_the_seller_chose() {
    for (choice, status) in [(Unstampable::Refuse, 500), (Unstampable::Plain, 200)] {
        let stand = stand(Kind::Sqlite, true, |config| {
            config.downloads.stamp.otherwise = choice;
        })
        .await;
        put(&stand, "Giáo trình.PDF", b"%PDF-1.4 no PDF at all");
        let (order, landing) = delivered(&stand).await;
        let file = link(&stand, &landing).await;
        let said = text(stand.get(&file).send().await.unwrap(), status).await;
        assert_eq!(said == "%PDF-1.4 no PDF at all", status == 200, "{said}");
        assert!(!said.contains(&order.email));
    }
}

#[tokio::test]
async fn a_new_content_is_a_new_copy() {
    let stand = stand(Kind::Sqlite, true, |_| {}).await;
    let (_, landing) = delivered(&stand).await;
    let file = link(&stand, &landing).await;
    let first = stand.get(&file).send().await.unwrap();
    let etag = header(&first, "etag");
    put(&stand, "Giáo trình.PDF", &sample(5));
    let rest = stand.get(&file).header("range", "bytes=1000-");
    let rest = rest.header("if-range", etag).send().await.unwrap();
    assert_eq!(rest.status(), 200);
    let copy = rest.bytes().await.unwrap();
    assert_eq!(Document::load_mem(&copy).unwrap().get_pages().len(), 5);
}

#[tokio::test]
async fn the_proxy_in_front_never_gets_the_original_of_a_stamped_file() {
    let stand = stand(Kind::Sqlite, true, |config| {
        config.downloads.accel_prefix = "/protected".to_owned();
    })
    .await;
    let (order, landing) = delivered(&stand).await;
    let answer = stand
        .get(&link(&stand, &landing).await)
        .send()
        .await
        .unwrap();
    assert_eq!(header(&answer, "x-accel-redirect"), "");
    let copy = answer.bytes().await.unwrap();
    assert!(printed(&copy)[0].contains(&order.email));
}

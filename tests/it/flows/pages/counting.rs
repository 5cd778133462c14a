//! What counts as a download, and when there is no more room for one.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bursar::connectors::Fault;
use bursar::connectors::stores::{Abilities, Entry, Flow, Parcel, Store};
use bursar::db::Kind;
use bursar::model::download::{self, Figures, Sent, Subject};
use bursar::model::order::Order;
use bursar::words::Locale;

use super::downloads::delivered;
use super::stand::{Stand, each, header, links, text};
use crate::harness::databases::KINDS;

const MEBIBYTE: u64 = 1024 * 1024;
const DAY: Duration = Duration::from_hours(24);

/// A course with one file of so many bytes more, and the path of its link.
async fn with_file(stand: &Stand, size: u64) -> (Order, String) {
    let path = stand.folder.path().join("source/read/Bài 3.bin");
    std::fs::File::create(path).unwrap().set_len(size).unwrap();
    let (order, landing) = delivered(stand).await;
    let link = link(stand, &landing).await;
    (order, link)
}

/// A fresh link to that file.
async fn link(stand: &Stand, landing: &str) -> String {
    let page = stand.page(landing).await;
    links(&page, "/files/").pop().unwrap()
}

async fn ask(stand: &Stand, path: &str, headers: &[(&str, &str)]) -> u16 {
    let request = headers
        .iter()
        .fold(stand.get(path), |request, (name, value)| {
            request.header(*name, *value)
        });
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    answer.bytes().await.unwrap();
    status
}

/// What the seller sees of the order's only grant.
async fn figures(stand: &Stand, order: &Order) -> Option<Figures> {
    stand.app.traffic.settled().await;
    let id = order.id.clone();
    let read = stand.write(move |tx, _| Box::pin(async move { download::of_order(tx, &id).await }));
    read.await.pop()
}

#[tokio::test]
async fn a_download_counts_once_a_day_however_many_requests_it_takes() {
    each(async |stand| {
        let (order, file) = with_file(stand, 3 * MEBIBYTE).await;
        let whole = 3 * MEBIBYTE;
        assert_eq!(ask(stand, &file, &[]).await, 200);
        for range in [
            "bytes=0-",
            "bytes=1048576-",
            "bytes=-1048576",
            "bytes=0-1048575",
        ] {
            assert_eq!(ask(stand, &file, &[("range", range)]).await, 206);
        }
        let found = figures(stand, &order).await.unwrap();
        assert_eq!((found.sessions, found.bytes), (1, 2 * whole + 4 * MEBIBYTE));
        assert_eq!((found.addresses, found.last_at), (1, stand.clock.now()));

        stand.clock.advance(DAY);
        let grant = stand.grants(&order).await.remove(0);
        let landing = stand.app.desk.landing_path(&grant, &order);
        let file = link(stand, &landing).await;
        assert_eq!(ask(stand, &file, &[]).await, 200);
        assert_eq!(figures(stand, &order).await.unwrap().sessions, 2);
    })
    .await;
}

#[tokio::test]
async fn asking_is_not_downloading() {
    each(async |stand| {
        let (order, file) = with_file(stand, 3 * MEBIBYTE).await;
        let head = stand.head(&file).send().await.unwrap();
        let etag = header(&head, "etag");
        assert_eq!(ask(stand, &file, &[("if-none-match", &etag)]).await, 304);
        assert_eq!(
            ask(stand, &file, &[("range", "bytes=99999999-")]).await,
            416
        );
        assert_eq!(ask(stand, &file, &[("if-match", "\"x\"")]).await, 412);
        assert_eq!(figures(stand, &order).await, None);

        // A player looks at the beginning, the end, and in the middle.
        for range in ["bytes=0-99", "bytes=-100", "bytes=100-2000000"] {
            assert_eq!(ask(stand, &file, &[("range", range)]).await, 206);
        }
        let found = figures(stand, &order).await.unwrap();
        assert_eq!((found.sessions, found.bytes), (0, 100 + 100 + 1_999_901));
    })
    .await;
}

#[tokio::test]
async fn a_file_below_a_mebibyte_counts_when_all_of_it_was_sent() {
    let stand = Stand::sqlite().await;
    let (order, file) = with_file(&stand, 1000).await;
    assert_eq!(ask(&stand, &file, &[("range", "bytes=0-998")]).await, 206);
    assert_eq!(figures(&stand, &order).await.unwrap().sessions, 0);
    assert_eq!(ask(&stand, &file, &[("range", "bytes=0-999")]).await, 206);
    assert_eq!(figures(&stand, &order).await.unwrap().sessions, 1);
}

#[tokio::test]
async fn requests_at_once_are_one_session() {
    each(async |stand| {
        let (order, file) = with_file(stand, 3 * MEBIBYTE).await;
        let headers = [("range", "bytes=0-")];
        let asked = (0..6).map(|_| ask(stand, &file, &headers));
        futures_util::future::join_all(asked).await;
        let found = figures(stand, &order).await.unwrap();
        assert_eq!((found.sessions, found.bytes), (1, 18 * MEBIBYTE));
    })
    .await;
}

#[tokio::test]
async fn a_buyer_who_used_up_the_day_is_told_until_when_in_their_language() {
    for kind in KINDS {
        let stand = Stand::open(kind, |config| config.downloads.budget = 2).await;
        let (order, file) = with_file(&stand, 3 * MEBIBYTE).await;
        use_up(&stand, &order, 999_999_999).await;
        assert_eq!(ask(&stand, &file, &[]).await, 200);
        stand.app.traffic.settled().await;
        stand.clock.advance(Duration::from_hours(1));
        for locale in Locale::ALL {
            let path = format!("{file}?lang={}", locale.tag());
            let answer = stand.get(&path).send().await.unwrap();
            assert_eq!(header(&answer, "retry-after"), (23 * 3600).to_string());
            let page = text(answer, 429).await;
            assert!(page.contains(&*locale.say("files.spent.title")), "{page}");
            assert!(page.contains("<time datetime="), "{page}");
        }
        // A page, a question, and the other buyers go on.
        let head = stand.head(&file).send().await.unwrap();
        assert_eq!(head.status(), 200);
        let (_, other) = delivered(&stand).await;
        let other = link(&stand, &other).await;
        assert_eq!(ask(&stand, &other, &[]).await, 200);

        stand.clock.advance(Duration::from_hours(23));
        let grant = stand.grants(&order).await.remove(0);
        let landing = stand.app.desk.landing_path(&grant, &order);
        let fresh = link(&stand, &landing).await;
        assert_eq!(ask(&stand, &fresh, &[]).await, 200);
    }
}

async fn use_up(stand: &Stand, order: &Order, bytes: u64) {
    let subject = Subject {
        grant: stand.grants(order).await.remove(0).id,
        file: "Bài 1.txt".to_owned(),
        address: "192.0.2.1".to_owned(),
        agent: "x".repeat(5000),
    };
    let sent = Sent {
        bytes,
        counts: true,
        session: None,
    };
    let noted = stand.write(move |tx, moment| {
        Box::pin(async move { download::note(tx, &moment, &subject, sent).await })
    });
    assert_eq!(noted.await, 1);
}

#[tokio::test]
async fn too_many_downloads_of_one_link_at_once_are_told_to_wait() {
    let stand = Stand::open(Kind::Sqlite, |config| {
        config.downloads.connections_per_link = 1;
    })
    .await;
    let (_, file) = with_file(&stand, 512 * MEBIBYTE).await;
    let mut first = stand.get(&file).send().await.unwrap();
    assert!(first.chunk().await.unwrap().is_some());
    for locale in Locale::ALL {
        let path = format!("{file}?lang={}", locale.tag());
        let answer = stand.get(&path).send().await.unwrap();
        assert_eq!(header(&answer, "retry-after"), "30");
        let page = text(answer, 429).await;
        assert!(page.contains(&*locale.say("files.crowded.title")), "{page}");
    }
    assert_eq!(stand.head(&file).send().await.unwrap().status(), 200);
    drop(first);
    stand.app.traffic.settled().await;
    assert_eq!(ask(&stand, &file, &[("range", "bytes=0-9")]).await, 206);
}

#[tokio::test]
async fn an_address_has_a_limit_over_all_its_links() {
    let stand = Stand::open(Kind::Sqlite, |config| {
        config.downloads.connections_per_address = 1;
    })
    .await;
    let (_, file) = with_file(&stand, 512 * MEBIBYTE).await;
    let (_, landing) = delivered(&stand).await;
    let other = link(&stand, &landing).await;
    let mut first = stand.get(&file).send().await.unwrap();
    assert!(first.chunk().await.unwrap().is_some());
    assert_eq!(ask(&stand, &other, &[]).await, 429);
    drop(first);
    stand.app.traffic.settled().await;
    assert_eq!(ask(&stand, &other, &[("range", "bytes=0-9")]).await, 206);
}

#[tokio::test]
async fn a_limited_connection_gets_its_bytes_no_faster() {
    let stand = Stand::open(Kind::Sqlite, |config| {
        config.downloads.kilobytes_per_second = 1000;
    })
    .await;
    let (_, file) = with_file(&stand, 500_000).await;
    let begun = Instant::now();
    assert_eq!(ask(&stand, &file, &[]).await, 200);
    assert!(
        begun.elapsed() >= Duration::from_millis(250),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn the_proxy_in_front_is_told_where_the_file_is_and_sends_it() {
    let stand = Stand::open(Kind::Sqlite, |config| {
        config.downloads.accel_prefix = "/protected".to_owned();
        config.downloads.kilobytes_per_second = 500;
    })
    .await;
    let (order, file) = with_file(&stand, 3 * MEBIBYTE).await;
    for range in ["bytes=5-", "bytes=-5"] {
        assert_eq!(ask(&stand, &file, &[("range", range)]).await, 200);
    }
    assert_eq!(figures(&stand, &order).await, None);
    let answer = stand.get(&file).send().await.unwrap();
    let place = header(&answer, "x-accel-redirect");
    assert_eq!(place, "/protected/disk/read/B%C3%A0i%203.bin");
    assert_eq!(header(&answer, "x-accel-limit-rate"), "500000");
    assert!(header(&answer, "content-disposition").contains("B%C3%A0i%203.bin"));
    assert_eq!(header(&answer, "cache-control"), "private, no-store");
    assert_eq!(text(answer, 200).await, "");
    let found = figures(&stand, &order).await.unwrap();
    assert_eq!((found.sessions, found.bytes), (1, 0));
}

/// A store that signs addresses of its own, over another.
struct Signing(Arc<dyn Store>);

#[async_trait]
impl Store for Signing {
    fn abilities(&self) -> Abilities {
        Abilities {
            presigns: true,
            ..self.0.abilities()
        }
    }

    async fn ping(&self) -> Result<String, Fault> {
        self.0.ping().await
    }

    async fn list(&self, folder: &str, limit: usize) -> Result<Vec<Entry>, Fault> {
        self.0.list(folder, limit).await
    }

    async fn look(&self, path: &str) -> Result<Option<Entry>, Fault> {
        self.0.look(path).await
    }

    async fn open(&self, entry: &Entry, range: Option<Range<u64>>) -> Result<Flow, Fault> {
        self.0.open(entry, range).await
    }

    async fn partial(&self, path: &str) -> Result<u64, Fault> {
        self.0.partial(path).await
    }

    async fn put(&self, parcel: Parcel) -> Result<Entry, Fault> {
        self.0.put(parcel).await
    }

    async fn remove(&self, path: &str) -> Result<(), Fault> {
        self.0.remove(path).await
    }

    async fn presign(
        &self,
        path: &str,
        saved_as: &str,
        life: Duration,
    ) -> Result<Option<url::Url>, Fault> {
        let mut address: url::Url = "https://bucket.example/".parse().unwrap();
        address.set_path(path);
        let life = life.as_secs().to_string();
        let said = [("name", saved_as), ("life", &life)];
        address.query_pairs_mut().extend_pairs(said);
        Ok(Some(address))
    }
}

#[tokio::test]
async fn a_store_that_signs_addresses_sends_its_files_itself() {
    let stand = Stand::open_in(
        Kind::Sqlite,
        |_| {},
        |world| {
            let disk = world.stores.remove("disk").unwrap();
            world
                .stores
                .insert("disk".to_owned(), Arc::new(Signing(disk)));
        },
    )
    .await;
    let (order, file) = with_file(&stand, 3 * MEBIBYTE).await;
    let head = stand.head(&file).send().await.unwrap();
    assert_eq!(header(&head, "content-length"), (3 * MEBIBYTE).to_string());
    let middle = stand
        .get(&file)
        .header("range", "bytes=5-")
        .send()
        .await
        .unwrap();
    assert_eq!(middle.status(), 302);
    assert_eq!(figures(&stand, &order).await, None);
    let answer = stand.get(&file).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    let place = header(&answer, "location");
    let expected = "https://bucket.example/read/B%C3%A0i%203.bin?name=B%C3%A0i+3.bin&life=3600";
    assert_eq!(place, expected);
    assert_eq!(header(&answer, "cache-control"), "no-store");
    assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
    let found = figures(&stand, &order).await.unwrap();
    assert_eq!((found.sessions, found.bytes), (1, 0));
}

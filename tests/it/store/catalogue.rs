//! The catalogue in both databases: comes back as it went in, replaces what was, forgets no course
//! that an order may point at.

use bursar::db::{Db, Sql};
use bursar::error::Result;
use bursar::model::bundle;
use bursar::model::catalogue::{self, Catalogue};
use bursar::model::course::{self, Course, Slug};

use crate::harness::databases::each_scratch;

const DEMO: &str = include_str!("../../../demo/catalogue.toml");

async fn each(test: impl AsyncFn(Db)) {
    let statements: Vec<&'static Sql> = [
        catalogue::STATEMENTS,
        course::STATEMENTS,
        bundle::STATEMENTS,
    ]
    .concat();
    each_scratch(async |scratch| test(scratch.open_with(&statements).await).await).await;
}

async fn replace(db: &Db, catalogue: &Catalogue) -> Result<()> {
    let catalogue = catalogue.clone();
    db.write(move |tx| Box::pin(async move { catalogue::replace(tx, &catalogue).await }))
        .await
}

async fn load(db: &Db) -> Catalogue {
    let load = db.read(|tx| Box::pin(catalogue::load(tx)));
    load.await.unwrap()
}

async fn find(db: &Db, name: &'static str) -> Option<Course> {
    let find = db.read(move |tx| Box::pin(course::find(tx, name)));
    find.await.unwrap()
}

async fn revision(db: &Db) -> i64 {
    let revision = db.read(|tx| Box::pin(catalogue::revision(tx)));
    revision.await.unwrap()
}

fn demo() -> Catalogue {
    catalogue::read(DEMO).unwrap()
}

/// The demo without its bundle and without its first course.
fn smaller() -> Catalogue {
    let mut smaller = demo();
    smaller.bundles.clear();
    smaller.courses.remove(0);
    for (position, course) in smaller.courses.iter_mut().enumerate() {
        course.position = position;
    }
    smaller
}

#[tokio::test]
async fn an_empty_database_has_an_empty_catalogue() {
    each(async |db| {
        assert_eq!(load(&db).await, Catalogue::default());
        assert_eq!(revision(&db).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_stored_catalogue_is_exported_byte_for_byte() {
    each(async |db| {
        replace(&db, &demo()).await.unwrap();
        replace(&db, &demo()).await.unwrap();
        assert_eq!(load(&db).await, demo());
        assert_eq!(catalogue::write(&load(&db).await), DEMO);
        assert_eq!(revision(&db).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_course_that_left_the_file_is_not_sold_but_still_known_and_can_come_back() {
    each(async |db| {
        replace(&db, &demo()).await.unwrap();
        replace(&db, &smaller()).await.unwrap();
        assert_eq!(load(&db).await, smaller());
        assert_eq!(find(&db, "rust-cho-nguoi-ban-hang").await, None);
        let by_slug = db.read(|tx| {
            Box::pin(
                async move { course::by_slug(tx, &Slug::parse("rust-cho-nguoi-ban-hang")?).await },
            )
        });
        let gone = by_slug.await.unwrap().unwrap();
        assert_eq!(
            (gone.active, gone.title.as_str()),
            (false, "Rust cho người bán hàng")
        );
        replace(&db, &demo()).await.unwrap();
        assert_eq!(load(&db).await, demo());
    })
    .await;
}

#[tokio::test]
async fn two_courses_may_swap_their_pages_and_a_page_may_outlive_its_course() {
    each(async |db| {
        replace(&db, &demo()).await.unwrap();
        let mut swapped = demo();
        let (first, rest) = swapped.courses.split_at_mut(1);
        std::mem::swap(&mut first[0].url, &mut rest[0].url);
        replace(&db, &swapped).await.unwrap();
        assert_eq!(load(&db).await, swapped);
        let mut heir = smaller();
        heir.courses[0].url = demo().courses[0].url.clone();
        replace(&db, &heir).await.unwrap();
        let page = "https://www.hoctot.example/khoa-hoc/rust-cho-nguoi-ban-hang/?ref=x";
        assert_eq!(find(&db, page).await.as_ref(), Some(&heir.courses[0]));
    })
    .await;
}

#[tokio::test]
async fn a_course_is_found_with_its_benefits_by_slug_and_by_page() {
    each(async |db| {
        replace(&db, &demo()).await.unwrap();
        let course = Some(demo().courses[1].clone());
        assert_eq!(find(&db, "nhiep-anh-bang-dien-thoai").await, course);
        let page = "hoctot.example/khoa-hoc/nhiep-anh-bang-dien-thoai";
        assert_eq!(find(&db, page).await, course);
        assert_eq!(find(&db, "khong-co").await, None);
        assert_eq!(find(&db, "https://").await, None);
    })
    .await;
}

#[tokio::test]
async fn a_catalogue_that_contradicts_itself_changes_nothing() {
    each(async |db| {
        replace(&db, &demo()).await.unwrap();
        let mut twice = demo();
        twice.courses[1].url = twice.courses[0].url.clone();
        assert!(replace(&db, &twice).await.is_err());
        assert_eq!(load(&db).await, demo());
        assert_eq!(revision(&db).await, 1);
    })
    .await;
}

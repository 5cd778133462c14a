//! The catalogue file: read whole or not at all, written back as it was, found by slug and page.

use bursar::model::bundle::{Bundle, Combo};
use bursar::model::catalogue::{self, Catalogue, CatalogueFault, Item, Known};
use bursar::model::course::{Benefit, Course, Destination, PageUrl, Rights, Slug};
use bursar::money::Money;
use proptest::prelude::*;

const DEMO: &str = include_str!("../../../demo/catalogue.toml");

const GOOD: &str = r#"
[[course]]
slug = "rust"
title = "Rust"
summary = "Từ số không."
url = "https://shop.example/rust"
price = 499000
rights = "own"
access_days = 365
cover = "covers/rust.svg"
[[course.benefit]]
kind = "enrolment"
connection = "lms"
course = "rust-101"
[[course.benefit]]
kind = "files"
source = "disk"
folder = "rust/2025"
destination = "worker"

[[course]]
slug = "go"
title = "Go"
summary = "Hai đoạn.\n\nĐoạn hai."
url = "https://shop.example/go"
price = 399000
rights = "licensed"
[[course.benefit]]
kind = "files"
source = "disk"
folder = "."

[[bundle]]
slug = "both"
title = "Cả hai"
price = 699000
courses = ["rust", "go"]

[[combo]]
courses = 5
price = 1999000
"#;

fn good() -> Catalogue {
    catalogue::read(GOOD).unwrap()
}

/// The faults of the good file with one text in it replaced by another.
fn faults(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "the good file does not hold {from:?}");
    let text = GOOD.replacen(from, to, 1);
    match catalogue::read(&text) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

#[track_caller]
fn refused(from: &str, to: &str, expected: &str) {
    assert_eq!(faults(from, to), [expected], "{from:?} -> {to:?}");
}

#[test]
fn a_file_says_courses_benefits_bundles_and_combos() {
    let catalogue = good();
    let rust = &catalogue.courses[0];
    assert_eq!(rust.slug.as_str(), "rust");
    assert_eq!(rust.price, Money::vnd(499_000));
    assert_eq!(rust.rights, Rights::Own);
    assert_eq!(rust.access_days, Some(365));
    assert_eq!(rust.cover.as_deref(), Some("covers/rust.svg"));
    assert_eq!((rust.position, rust.active), (0, true));
    let enrolment = Benefit::Enrolment {
        connection: "lms".to_owned(),
        course: "rust-101".to_owned(),
    };
    let files = Benefit::Files {
        source: "disk".to_owned(),
        folder: "rust/2025".to_owned(),
        destination: Destination::Worker,
        stamp: false,
        drive: None,
    };
    assert_eq!(rust.benefits, [enrolment, files]);
    let go = &catalogue.courses[1];
    assert_eq!((go.access_days, go.position), (None, 1));
    assert_eq!(go.summary, "Hai đoạn.\n\nĐoạn hai.");
    assert_eq!(catalogue.bundles[0].courses.len(), 2);
    let combo = Combo {
        courses: 5,
        price: Money::vnd(1_999_000),
    };
    assert_eq!(catalogue.combos, [combo]);
}

#[test]
fn an_empty_file_is_an_empty_catalogue() {
    assert_eq!(catalogue::read("").unwrap(), Catalogue::default());
    assert_eq!(catalogue::write(&Catalogue::default()), "");
}

#[test]
fn the_demo_catalogue_is_exported_byte_for_byte() {
    let catalogue = catalogue::read(DEMO).unwrap();
    assert_eq!(catalogue::write(&catalogue), DEMO);
    assert_eq!(catalogue.courses.len(), 3);
    assert_eq!(catalogue.bundles.len(), 1);
    let combos: Vec<usize> = catalogue.combos.iter().map(|combo| combo.courses).collect();
    assert_eq!(combos, [5, 10]);
}

#[test]
fn every_file_and_cover_that_the_demo_catalogue_names_is_there() {
    let demo = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
    for course in catalogue::read(DEMO).unwrap().courses {
        assert!(demo.join(course.cover.unwrap()).is_file());
        for benefit in course.benefits {
            if let Benefit::Files { folder, .. } = benefit {
                let files = std::fs::read_dir(demo.join("files").join(folder)).unwrap();
                assert_eq!(files.count(), 3);
            }
        }
    }
}

#[test]
fn all_faults_are_listed_at_once_from_the_top_down() {
    let text = "\
[[course]]
slug = \"Rust!\"
titel = \"Rust\"
summary = 5
url = \"shop.example/rust\"
price = 0
rights = \"mine\"
access_days = 3651

[[bundle]]
slug = \"b\"
title = \"B\"
price = 1
courses = [\"none\"]

[[combo]]
courses = 1
";
    let faults: Vec<String> = catalogue::read(text)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = [
        "line 1: course \"Rust!\": title is missing",
        "line 1: course \"Rust!\": it needs at least one [[course.benefit]]",
        "line 2: course \"Rust!\": slug must be 1 to 80 characters out of a-z, 0-9 and -, \
         and neither begin nor end with -",
        "line 3: course \"Rust!\": unknown key \"titel\"; known here: slug, title, summary, url, \
         price, rights, access_days, cover, benefit",
        "line 4: course \"Rust!\": summary must be a text in quotes, not integer",
        "line 5: course \"Rust!\": url must be a whole address of a page, https://..., \
         without user name, at most 500 bytes",
        "line 6: course \"Rust!\": price must be a whole number from 1 to 1000000000 dong",
        "line 7: course \"Rust!\": rights must be one of own, licensed, open, not \"mine\"",
        "line 8: course \"Rust!\": access_days must be a whole number from 1 to 3650 days",
        "line 14: bundle \"b\": courses must name at least two courses",
        "line 14: bundle \"b\": course \"none\" is not in this file",
        "line 16: combo: price is missing",
        "line 17: combo: courses must be a whole number from 2 to 1000",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn a_file_that_is_not_toml_says_on_which_line() {
    let faults = catalogue::read("[[course]]\nslug = \n").unwrap_err();
    assert_eq!(faults[0].line, 2);
    assert!(faults[0].what.starts_with("not TOML: "), "{}", faults[0]);
    let faults = catalogue::read("[[course]]\nslug = \"a\"\nslug = \"b\"\n").unwrap_err();
    assert_eq!(faults[0].line, 3);
}

#[test]
fn names_and_pages_are_given_once() {
    let same_page = "line 25: course \"go\": url is the same as on line 6";
    refused(
        "https://shop.example/go",
        "http://www.SHOP.example/rust/",
        same_page,
    );
    let same_slug = faults("slug = \"go\"", "slug = \"rust\"");
    assert_eq!(
        same_slug[0],
        "line 22: course \"rust\": slug is the same as on line 3"
    );
    let bundle = "line 34: bundle \"go\": slug is the same as on line 22";
    refused("slug = \"both\"", "slug = \"go\"", bundle);
    let combo = format!("{GOOD}\n[[combo]]\ncourses = 5\nprice = 1\n");
    let combo = catalogue::read(&combo).unwrap_err();
    assert_eq!(
        combo[0].to_string(),
        "line 44: combo: courses is the same as on line 40"
    );
}

#[test]
fn a_price_is_a_positive_whole_number_of_dong_below_a_billion() {
    let expected =
        "line 7: course \"rust\": price must be a whole number from 1 to 1000000000 dong";
    for price in [
        "-1",
        "0",
        "1000000001",
        "499000.0",
        "\"499000\"",
        "99999999999999999999",
    ] {
        refused("price = 499000", &format!("price = {price}"), expected);
    }
    for price in ["1000000000", "499_000", "0x79d38"] {
        assert_eq!(
            faults("price = 499000", &format!("price = {price}")),
            [""; 0]
        );
    }
}

#[test]
fn a_bundle_is_at_least_two_known_courses_and_not_dearer_than_they_are() {
    let dear = "line 36: bundle \"both\": price 898001 is more than its courses' 898000";
    refused("price = 699000", "price = 898001", dear);
    assert_eq!(faults("price = 699000", "price = 898000"), [""; 0]);
    let unknown = "line 37: bundle \"both\": course \"c\" is not in this file";
    refused("[\"rust\", \"go\"]", "[\"rust\", \"c\"]", unknown);
    let twice = "line 37: bundle \"both\": course \"go\" is named twice";
    refused("[\"rust\", \"go\"]", "[\"rust\", \"go\", \"go\"]", twice);
    let list = "line 37: bundle \"both\": courses must be a list of at most 200";
    refused("[\"rust\", \"go\"]", "\"rust\"", list);
}

#[test]
fn a_course_with_a_fault_does_not_make_its_bundle_faulty_too() {
    let expected =
        "line 7: course \"rust\": price must be a whole number from 1 to 1000000000 dong";
    refused("price = 499000", "price = 0", expected);
}

#[test]
fn a_folder_cannot_lead_out_of_its_source() {
    for folder in [
        "/etc", "../x", "a/../b", "a//b", "a/", "./a", "C:/x", "a/..", "..", "~/../x",
    ] {
        let expected = format!(
            "line 18: course \"rust\": benefit: folder must be a path below its folder, with / \
             between the names and no . or .., not {folder:?}"
        );
        refused("rust/2025", folder, &expected);
    }
    assert_eq!(faults("rust/2025", "a\\\\b").len(), 1);
    assert_eq!(faults("rust/2025", "Khóa học 2025/Bài 1 – mở đầu"), [""; 0]);
    assert_eq!(faults("covers/rust.svg", "../rust.svg").len(), 1);
    assert_eq!(faults("covers/rust.svg", "javascript://x").len(), 1);
    assert_eq!(
        faults("covers/rust.svg", "https://cdn.example/rust.svg"),
        [""; 0]
    );
}

#[test]
fn a_benefit_has_the_keys_of_its_kind_only() {
    let kind =
        "line 16: course \"rust\": benefit: kind must be one of enrolment, files, not \"gift\"";
    refused("kind = \"files\"", "kind = \"gift\"", kind);
    let key = "line 13: course \"rust\": benefit: unknown key \"folder\"; \
               known here: kind, connection, course";
    refused(
        "connection = \"lms\"",
        "connection = \"lms\"\nfolder = \"x\"",
        &key.replace("13", "14"),
    );
    let missing = "line 11: course \"rust\": benefit: connection is missing";
    refused("connection = \"lms\"\n", "", missing);
    let by = "line 19: course \"rust\": benefit: destination must be one of download, worker, \
              not \"post\"";
    refused("\"worker\"", "\"post\"", by);
    let twice = GOOD.replacen("\n[[bundle]]", GOOD_FILES, 1);
    let twice = catalogue::read(&twice).unwrap_err();
    assert_eq!(
        twice[0].what,
        "course \"go\": this benefit is promised twice"
    );
}

const GOOD_FILES: &str = "[[course.benefit]]
kind = \"files\"
source = \"disk\"
folder = \".\"
destination = \"worker\"
[[bundle]]";

#[test]
fn texts_are_bounded_and_clean() {
    refused(
        "\"Rust\"",
        "\"\"",
        "line 4: course \"rust\": title must not be empty",
    );
    refused(
        "\"Rust\"",
        "\" Rust\"",
        "line 4: course \"rust\": title must not begin or end with a blank",
    );
    refused(
        "\"Rust\"",
        "\"a\\u0007b\"",
        "line 4: course \"rust\": title must not hold control characters",
    );
    let long = format!("\"{}\"", "ă".repeat(201));
    refused(
        "\"Rust\"",
        &long,
        "line 4: course \"rust\": title must be at most 200 characters",
    );
    assert_eq!(
        faults("\"Rust\"", &format!("\"{}\"", "ă".repeat(200))),
        [""; 0]
    );
    let slug = format!("slug = \"{}\"", "a".repeat(81));
    assert_eq!(faults("slug = \"both\"", &slug).len(), 1);
}

#[test]
fn too_large_a_file_and_too_many_courses_are_refused() {
    let large = "#".repeat(catalogue::FILE_MAX + 1);
    let faults = catalogue::read(&large).unwrap_err();
    assert_eq!(faults[0].what, "the file is larger than 4194304 bytes");
    let many = "[[course]]\n".repeat(catalogue::COURSES_MAX + 1);
    let faults = catalogue::read(&many).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].what, "course must be a list of at most 10000");
}

#[test]
fn names_that_the_configuration_does_not_have_are_faults_with_their_line() {
    let known = Known {
        connections: &["other"],
        sources: &["demo", "drive"],
        drives: &[],
    };
    let faults = catalogue::read_for(GOOD, &known).unwrap_err();
    let connection = CatalogueFault {
        line: 13,
        what: "course \"rust\": benefit: connection \"lms\" is not in the configuration, which \
               has: other"
            .to_owned(),
    };
    assert_eq!(faults[0], connection);
    assert_eq!([faults[1].line, faults[2].line], [17, 30]);
    let known = Known {
        connections: &["lms"],
        sources: &["disk"],
        drives: &[],
    };
    assert_eq!(catalogue::read_for(GOOD, &known), Ok(good()));
}

#[test]
fn a_course_is_found_by_its_slug_and_by_every_spelling_of_its_page() {
    let catalogue = good();
    for spelling in [
        "rust",
        " rust ",
        "https://shop.example/rust",
        "http://www.shop.example/rust/",
        "HTTPS://Shop.Example/rust?utm_source=x&y=1#top",
        "shop.example/rust",
        "//shop.example/rust",
        "www.shop.example:443/%72ust",
    ] {
        let found = catalogue.find(spelling);
        assert_eq!(
            found,
            Some(Item::Course(&catalogue.courses[0])),
            "{spelling}"
        );
    }
    let bundle = Some(Item::Bundle(&catalogue.bundles[0]));
    assert_eq!(catalogue.find("both"), bundle);
    for other in [
        "",
        "Rust",
        "https://shop.example/RUST",
        "https://shop.example/",
        "https://shop.example/rust/2",
        "https://evil.example/rust",
        "https://shop.example@evil.example/rust",
        "ftp://shop.example/rust",
        "https://",
        "javascript:alert(1)",
        "../rust",
    ] {
        assert_eq!(catalogue.find(other), None, "{other}");
    }
}

#[test]
fn a_page_with_vietnamese_letters_is_one_page_however_they_are_encoded() {
    let written = PageUrl::parse("https://khóahọc.vn/khóa-học/kế-toán").unwrap();
    let bar = "https://xn--khahc-1ta0164c.vn/kh%C3%B3a-h%E1%BB%8Dc/k%e1%ba%bf-to%c3%a1n/";
    assert_eq!(
        PageUrl::parse(bar).map(|page| page.key().to_owned()),
        Ok(written.key().to_owned())
    );
    let apart = "https://khóahọc.vn/kho\u{301}a-ho\u{323}c/ke\u{302}\u{301}-toa\u{301}n";
    assert_eq!(
        PageUrl::parse(apart).map(|page| page.key().to_owned()),
        Ok(written.key().to_owned())
    );
}

fn words() -> impl Strategy<Value = String> {
    "[a-zA-ZàảăấđĐệ0-9\"'\\\\#=\\[\\]\\{\\}.,:–“]{1,12}( [a-zơưỹ\"'%]{1,6}){0,3}"
}

fn benefits() -> impl Strategy<Value = Vec<Benefit>> {
    let enrolment = (words(), words())
        .prop_map(|(connection, course)| Benefit::Enrolment { connection, course });
    let by = prop_oneof![Just(Destination::Download), Just(Destination::Worker)];
    let folder = "[a-z]{1,5}(/[a-zđ ]{0,3}[a-z]){0,2}";
    let files =
        (folder, by, any::<bool>()).prop_map(|(folder, destination, stamp)| Benefit::Files {
            source: "disk".to_owned(),
            folder,
            destination,
            drive: None,
            stamp: stamp && destination == Destination::Download,
        });
    (enrolment, proptest::option::of(files))
        .prop_map(|(one, other)| std::iter::once(one).chain(other).collect())
}

prop_compose! {
    fn course()(
        title in words(),
        summary in words(),
        more in proptest::option::of(words()),
        price in 1_i64..=1_000_000_000,
        rights in proptest::sample::select(&Rights::ALL[..]),
        access_days in proptest::option::of(1_u32..=3650),
        cover in proptest::option::of("[a-z]{1,8}(/[a-zđ]{1,4}){0,2}"),
        benefits in benefits(),
    ) -> Course {
        Course {
            slug: Slug::parse("later").unwrap(),
            title,
            summary: more.map_or(summary.clone(), |more| format!("{summary}\n\n{more}")),
            url: PageUrl::parse("https://shop.example/").unwrap(),
            price: Money::vnd(price),
            rights,
            access_days,
            cover,
            active: true,
            benefits,
            position: 0,
        }
    }
}

prop_compose! {
    fn catalogues()(
        mut courses in proptest::collection::vec(course(), 2..6),
        title in words(),
        summary in proptest::option::of(words()),
        combos in proptest::collection::btree_map(2_usize..=1000, 1_i64..=1_000_000_000, 0..4),
    ) -> Catalogue {
        for (position, course) in courses.iter_mut().enumerate() {
            course.slug = Slug::parse(&format!("c-{position}")).unwrap();
            course.url = PageUrl::parse(&format!("https://shop.example/{position}")).unwrap();
            course.position = position;
        }
        let bundle = Bundle {
            slug: Slug::parse("bundle").unwrap(),
            title,
            summary,
            price: courses[0].price,
            courses: courses.iter().rev().map(|course| course.slug.clone()).collect(),
        };
        let combos = combos.into_iter().map(|(courses, price)| Combo {
            courses,
            price: Money::vnd(price),
        });
        Catalogue { courses, bundles: vec![bundle], combos: combos.collect() }
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(catalogue in catalogues()) {
        let text = catalogue::write(&catalogue);
        let read = catalogue::read(&text);
        prop_assert_eq!(read.as_ref(), Ok(&catalogue), "{}", text);
        prop_assert_eq!(catalogue::write(&read.unwrap()), text);
    }

    #[test]
    fn no_text_at_all_makes_the_reader_panic(text in "(\\[\\[(course|bundle|combo|course.benefit)\\]\\]|[a-z]{1,7} = (\"[^\"]{0,9}\"|-?[0-9]{1,20}|\\[\\]|\\{\\})|.{0,20}|\n){0,30}") {
        if let Err(faults) = catalogue::read(&text) {
            prop_assert!(!faults.is_empty());
            prop_assert!(faults.iter().all(|fault| fault.line <= text.lines().count() + 1));
        }
    }
}

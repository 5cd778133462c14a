//! The shop front and its form.

use bursar::db::Kind;
use bursar::words::Locale;

use super::stand::{Stand, each, header, text};

const WHO: (&str, &str) = ("email", "An.Nguyen@Example.com");

/// The field, its text, and what is sent.
type Case<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>);

fn ticked(page: &str) -> Vec<&str> {
    let boxes = page.split("name=\"course\" value=\"").skip(1);
    let boxes = boxes.map(|rest| rest.split('>').next().unwrap());
    let ticked = boxes.filter(|attributes| attributes.contains(" checked"));
    ticked.map(|a| a.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn the_front_shows_what_is_on_sale_and_ticks_what_is_asked_for() {
    each(async |stand| {
        for path in ["/", "/courses"] {
            let page = stand.page(&format!("{path}?lang=en")).await;
            for wanted in [
                "Học &#38; hành &#60;1&#62;",
                "500.000 ₫",
                "Trọn bộ",
                "Any 2 courses",
                "Access for 30 days",
                "Sold under licence",
                "/covers/b%C3%ACa%201.svg",
                "action=\"/courses\"",
            ] {
                assert!(page.contains(wanted), "{wanted} in {page}");
            }
            assert!(ticked(&page).is_empty());
        }
        let page = stand.page("/?course=read&course=gone&course=learn").await;
        assert_eq!(ticked(&page), ["learn", "read"]);
    })
    .await;
}

#[tokio::test]
async fn an_order_is_placed_at_the_shops_price_and_leads_to_its_page() {
    each(async |stand| {
        let fields = [
            ("course", "learn"),
            ("course", "read"),
            WHO,
            ("name", " Nguyễn An "),
            ("phone", "0912 345 678"),
            ("locale", "en"),
            ("price", "1"),
        ];
        let answer = stand.order_form(&fields).await;
        let place = header(&answer, "location");
        text(answer, 303).await;
        assert!(place.starts_with("/o/"), "{place}");
        let page = stand.page(&place).await;
        assert!(page.contains("<html lang=\"en\">"));
        assert!(page.contains("550.000 ₫") && page.contains("a***@example.com"));
    })
    .await;
}

#[tokio::test]
async fn every_fault_comes_back_in_words_with_what_was_typed() {
    let long = "x".repeat(121);
    let cases: Vec<Case<'_>> = vec![
        ("course", "error.field.empty_courses", vec![WHO]),
        (
            "email",
            "error.field.bad_email",
            vec![("course", "learn"), ("email", "an@host")],
        ),
        ("email", "error.field.missing", vec![("course", "learn")]),
        (
            "name",
            "error.field.bad_name",
            vec![("course", "learn"), WHO, ("name", &long)],
        ),
        (
            "phone",
            "error.field.bad_phone",
            vec![("course", "learn"), WHO, ("phone", "call me")],
        ),
    ];
    let stand = Stand::sqlite().await;
    for locale in Locale::ALL {
        for (field, key, fields) in &cases {
            let mut fields = fields.clone();
            fields.push(("locale", locale.tag()));
            let answer = stand.order_form(&fields).await;
            let page = text(answer, 422).await;
            let wanted = locale.say(key);
            let place = format!("id=\"fault-{field}\">{wanted}");
            assert!(page.contains(&place), "{place} in {page}");
            assert!(page.contains(&format!("<html lang=\"{}\">", locale.tag())));
            for (name, typed) in &fields {
                let kept = *name == "course" || page.contains(&format!("value=\"{typed}\""));
                assert!(kept, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn all_faults_are_shown_at_once_and_nothing_is_stored() {
    each(async |stand| {
        let fields = [
            ("course", "gone<b>"),
            ("course", "learn"),
            ("email", "\"><script>"),
            ("phone", "abc"),
            ("locale", "en"),
        ];
        let page = text(stand.order_form(&fields).await, 422).await;
        for field in ["course", "email", "phone"] {
            assert!(page.contains(&format!("id=\"fault-{field}\"")), "{field}");
        }
        assert!(page.contains("gone&#60;b&#62;") && !page.contains("<script>"));
        assert_eq!(ticked(&page), ["learn"]);
        let twice = [("course", "learn"), ("course", "learn"), WHO];
        text(stand.order_form(&twice).await, 422).await;
        let orders = stand.write(|tx, _| Box::pin(bursar::model::order::counts(tx)));
        assert_eq!(orders.await, []);
    })
    .await;
}

#[tokio::test]
async fn too_much_of_anything_is_refused_on_the_page() {
    let stand = Stand::open(Kind::Sqlite, |config| {
        config.limits.orders_per_minute = 3;
        config.limits.courses_per_order = 1;
    })
    .await;
    let many = [
        ("course", "learn"),
        ("course", "read"),
        WHO,
        ("locale", "en"),
    ];
    let page = text(stand.order_form(&many).await, 422).await;
    assert!(
        page.contains("One order may have at most 1 courses"),
        "{page}"
    );
    let huge = "x".repeat(65 * 1024);
    let answer = stand.order_form(&[("name", &huge)]).await;
    let page = text(answer, 413).await;
    assert!(page.contains("id=\"faults\"") && page.len() < 60_000);
    for _ in 0..2 {
        text(stand.order_form(&[("course", "learn"), WHO]).await, 303).await;
    }
    let answer = stand.order_form(&[("course", "learn"), WHO]).await;
    assert!(!header(&answer, "retry-after").is_empty());
    let page = text(answer, 429).await;
    assert!(
        page.contains("An.Nguyen@Example.com"),
        "what was typed stays"
    );
}

#[tokio::test]
async fn a_form_on_another_site_places_no_order() {
    let stand = Stand::sqlite().await;
    let fields = [("course", "learn"), WHO];
    let form = || stand.post("/courses").form(&fields);
    let foreign = [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    for (name, value) in foreign {
        let answer = form().header(name, value).send().await.unwrap();
        text(answer, 403).await;
    }
    let ours = [
        ("origin", stand.origin()),
        ("origin", "https://shop.example"),
        ("sec-fetch-site", "same-origin"),
    ];
    for (name, value) in ours {
        let answer = form().header(name, value).send().await.unwrap();
        text(answer, 303).await;
    }
    // A page that sends no origin at all would make browsers send "null" with its own form.
    let front = stand.get("/").send().await.unwrap();
    assert_eq!(header(&front, "referrer-policy"), "same-origin");
}

#[tokio::test]
async fn covers_come_from_their_folder_only_and_run_nothing() {
    let stand = Stand::sqlite().await;
    let answer = stand.get("/covers/b%C3%ACa%201.svg").send().await.unwrap();
    assert_eq!(header(&answer, "content-type"), "image/svg+xml");
    assert_eq!(header(&answer, "cache-control"), "public, max-age=3600");
    let policy = header(&answer, "content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"));
    assert_eq!(text(answer, 200).await, "<svg/>");
    for path in [
        "..%2Fsecret.svg",
        "..%5Csecret.svg",
        "%2Fetc%2Fpasswd",
        "notes.txt",
        "none.svg",
        ".svg",
        "x%00.svg",
    ] {
        let answer = stand.get(&format!("/covers/{path}")).send().await.unwrap();
        text(answer, 404).await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_out_of_the_covers_folder_is_not_followed() {
    let stand = Stand::sqlite().await;
    let folder = stand.folder.path();
    std::os::unix::fs::symlink(folder.join("secret.svg"), folder.join("covers/out.svg")).unwrap();
    text(stand.get("/covers/out.svg").send().await.unwrap(), 404).await;
}

//! The inbox by form: each verb, what is said before it and after it, and how many clicks it takes.

use super::{Desk, code, each};

/// Less its last character, and with a wrong one in its place.
fn mistyped(code: &str) -> String {
    format!("{}0", &code[..code.len() - 1])
}

/// The addresses of links in a page that begin so.
fn links<'p>(html: &'p str, begin: &str) -> Vec<&'p str> {
    let links = html.split("href=\"").skip(1);
    let links = links.filter_map(|rest| rest.split('"').next());
    links.filter(|link| link.starts_with(begin)).collect()
}

async fn orders_total(desk: &Desk) -> (serde_json::Value, i64) {
    let order = desk.server.order(&["photo"]).await;
    let total = order["totalAmount"].as_i64().unwrap();
    (order, total)
}

#[tokio::test]
async fn a_transfer_with_a_typing_mistake_is_closed_in_two_clicks() {
    each(async |desk| {
        let (order, total) = orders_total(&desk).await;
        let memo = format!("CK {} NGUYEN THI LAN", mistyped(code(&order)));
        let waits = desk.waiting(total, &memo).await;

        let inbox = desk.page("/admin/transfers").await;
        assert!(
            inbox.contains(code(&order)),
            "the best suggestion is in the row"
        );
        assert!(inbox.contains("its code but for one letter"));
        let first = links(&inbox, &waits);
        assert_eq!(first, [waits.as_str()], "the first click");

        let action = format!("{waits}/assign");
        let after = desk.decide(&waits, &action, &[]).await;
        assert!(after.contains("is closed") && after.contains(code(&order)));
        assert_eq!(links(&after, &waits), [format!("{waits}#undo")]);
        assert_eq!(desk.payment(&order).await, "paid");
        assert_eq!(desk.inbox().await.len(), 0);

        let closed = desk.page(&waits).await;
        assert!(closed.contains("It fits: its code but for one letter, exact amount"));
        assert!(closed.contains("lan"), "who decided it");
    })
    .await;
}

#[tokio::test]
async fn what_undoing_does_is_said_before_and_is_what_happens() {
    each(async |desk| {
        let (order, total) = orders_total(&desk).await;
        let waits = desk.waiting(total, "tien hoc").await;
        let assign = format!("{waits}/assign");
        let fields = [("code", code(&order)), ("why", "the buyer sent a picture")];
        let token = desk.token().await;
        let fields = [fields[0], fields[1], ("token", token.as_str())];
        assert_eq!(desk.post(&assign, &fields).await.status, 303);
        desk.server.drain().await;

        let page = desk.page(&waits).await;
        assert!(page.contains("the buyer sent a picture"));
        assert!(
            page.contains("is not paid any more, and its access rests"),
            "{page}"
        );
        let undone = desk.decide(&waits, &format!("{waits}/undo"), &[]).await;
        assert!(undone.contains("It was decided by mistake"));
        assert_eq!(desk.payment(&order).await, "pending");
        assert_eq!(desk.inbox().await.len(), 1);
        desk.server.drain().await;
    })
    .await;
}

#[tokio::test]
async fn any_order_is_found_by_its_code_its_address_or_what_it_owes() {
    each(async |desk| {
        let (order, total) = orders_total(&desk).await;
        let waits = desk.waiting(5_000_000, "tien").await;
        let amount = format!("{}.000", total / 1000);
        let spaced = format!(" {} ", code(&order).to_lowercase());
        for search in [spaced.as_str(), "an@example.com", "AN@example.com", &amount] {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("q", search)
                .finish();
            let page = desk.page(&format!("{waits}?{query}")).await;
            assert!(page.contains(code(&order)), "{search}");
            assert!(page.contains("is left over, to be paid back"), "{search}");
        }
        let nothing = desk.page(&format!("{waits}?q=nobody")).await;
        assert!(nothing.contains("There is no such order"));
        let long = desk.get(&format!("{waits}?q={}", "x".repeat(101))).await;
        assert_eq!(long.status, 422);
    })
    .await;
}

#[tokio::test]
async fn one_transfer_for_two_orders_is_divided_as_its_memo_says() {
    each(async |desk| {
        let (one, total) = orders_total(&desk).await;
        let (two, _) = orders_total(&desk).await;
        let memo = format!("{} va {}", code(&one), code(&two));
        let waits = desk.waiting(total * 2, &memo).await;
        let page = desk.page(&waits).await;
        assert!(page.contains("Its memo names several orders"));
        let fields = [
            ("token", desk.token().await),
            ("why", "one for both".to_owned()),
            ("code", code(&one).to_owned()),
            ("amount", String::new()),
            ("code", code(&two).to_lowercase()),
            ("amount", format!("{total} ₫")),
            ("code", String::new()),
            ("amount", String::new()),
        ];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let done = desk.post(&format!("{waits}/split"), &fields).await;
        assert_eq!(done.status, 303, "{}", done.text);
        assert_eq!(desk.payment(&one).await, "paid");
        assert_eq!(desk.payment(&two).await, "paid");
        let prefilled = super::form(&page, &format!("{waits}/split")).unwrap();
        let codes = prefilled.iter().filter(|(name, _)| name == "code");
        let codes: Vec<&str> = codes.map(|(_, code)| code.as_str()).collect();
        assert!(
            codes.contains(&code(&one)) && codes.contains(&code(&two)),
            "{codes:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn too_little_is_enough_by_a_persons_word_before_it_is_booked_and_after() {
    each(async |desk| {
        let (waiting, total) = orders_total(&desk).await;
        let memo = mistyped(code(&waiting));
        let waits = desk.waiting(total - 50_000, &memo).await;
        let page = desk.page(&waits).await;
        assert!(
            page.contains("Not enough: 50.000 ₫ remains to be paid"),
            "{page}"
        );
        let why = [("code", code(&waiting)), ("why", "a regular")];
        desk.decide(&waits, &format!("{waits}/accept"), &why).await;
        assert_eq!(desk.payment(&waiting).await, "paid");

        let (booked, total) = orders_total(&desk).await;
        desk.server.pay(&booked, total - 50_000).await;
        assert_eq!(desk.inbox().await.len(), 0);
        let listed = desk.page("/admin/transfers?all=yes&class=short").await;
        let short = links(&listed, "/admin/transfers/trf_");
        let short = *short
            .iter()
            .find(|link| !link.contains(&waits))
            .expect("the short one is listed");
        assert!(desk.page(short).await.contains("still owes 50.000 ₫"));
        let action = format!("{short}/accept");
        desk.decide(short, &action, &[("why", "good will")]).await;
        assert_eq!(desk.payment(&booked).await, "paid");
    })
    .await;
}

#[tokio::test]
async fn money_goes_back_with_a_reference_and_is_discarded_with_a_reason_only() {
    each(async |desk| {
        let (order, total) = orders_total(&desk).await;
        desk.server.pay(&order, total).await;
        let twice = desk.waiting(total, code(&order)).await;
        let page = desk.page(&twice).await;
        assert!(page.contains("Its order was paid already"));
        let action = format!("{twice}/give-back");
        let refused = desk.fill(&twice, &action, &[]).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(
            refused.text.contains("Give the reference"),
            "{}",
            refused.text
        );
        assert_eq!(
            links(&refused.text, &twice),
            [format!("{twice}?lang=vi"), twice.clone()],
            "the other language, and the way back"
        );
        desk.decide(&twice, &action, &[("reference", "FT26005123")])
            .await;
        let page = desk.page(&twice).await;
        assert!(page.contains("FT26005123") && page.contains("It cannot be undone any more"));

        let private = desk.waiting(77_000, "tien an trua").await;
        let action = format!("{private}/discard");
        let refused = desk.fill(&private, &action, &[("why", " ")]).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("Give a reason"));
        desk.decide(&private, &action, &[("why", "lunch")]).await;
        assert_eq!(desk.inbox().await.len(), 0);
        let again = desk
            .post(&action, &[("token", &desk.token().await), ("why", "x")])
            .await;
        assert_eq!(again.status, 409);
        assert!(again.text.contains("does not wait for a decision any more"));
    })
    .await;
}

#[tokio::test]
async fn the_inbox_is_narrowed_by_class_account_surplus_and_by_what_one_remembers() {
    each(async |desk| {
        let (order, total) = orders_total(&desk).await;
        desk.server.pay(&order, total).await;
        let twice = desk.waiting(total, code(&order)).await;
        let plain = desk.waiting(123_456, "HOC PHI_100% Lan").await;
        let all = [twice.as_str(), plain.as_str()];
        let both = [
            "/admin/transfers",
            "/admin/transfers?account=0123499999",
            "/admin/transfers?class=&account=&q=",
        ];
        for path in both {
            let page = desk.page(path).await;
            assert_eq!(links(&page, "/admin/transfers/trf_"), all, "{path}");
        }
        let lower = code(&order).to_lowercase();
        for (query, expected) in [
            ("class=duplicate", &all[..1]),
            ("class=no_code", &all[1..]),
            ("due=yes", &all[..1]),
            ("q=123.456", &all[1..]),
            ("q=phi_100%25lan", &all[1..]),
            ("q=phi_1000", &[]),
            ("q=%25", &all[1..]),
            (&format!("q={lower}"), &all[..1]),
            ("account=999", &[]),
            ("class=no_code&due=yes", &[]),
        ] {
            let page = desk.page(&format!("/admin/transfers?{query}")).await;
            assert_eq!(links(&page, "/admin/transfers/trf_"), expected, "{query}");
        }
        let every = desk.page("/admin/transfers?all=yes").await;
        assert_eq!(links(&every, "/admin/transfers/trf_").len(), 3);
        assert_eq!(desk.get("/admin/transfers?class=odd").await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_long_inbox_has_pages_and_begins_with_what_waits_longest() {
    each(async |desk| {
        let mut waiting = Vec::new();
        for dong in 0..27 {
            waiting.push(desk.waiting(100_000 + dong, "tien").await);
        }
        let first = desk.page("/admin/transfers").await;
        assert_eq!(links(&first, "/admin/transfers/trf_"), waiting[..25]);
        let next = links(&first, "/admin/transfers?after=");
        assert_eq!(next.len(), 1);
        let second = desk.page(next[0]).await;
        assert_eq!(links(&second, "/admin/transfers/trf_"), waiting[25..]);
        assert!(links(&second, "/admin/transfers?after=").is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_a_payer_wrote_is_text_and_never_markup() {
    each(async |desk| {
        let waits = desk.waiting(1_000, "<script>alert(1)</script>").await;
        for path in ["/admin/transfers", &waits] {
            let page = desk.page(path).await;
            assert!(page.contains("&#60;script&#62;alert"), "{path}");
            assert!(!page.contains("<script"), "{path}");
        }
    })
    .await;
}

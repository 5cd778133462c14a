//! Every page in every state and language, for the tests that hold for all of them, and as files for
//! people: with `BURSAR_PICTURES=folder` they are written there with their assets, to be served
//! (`python3 -m http.server`) and looked at.

use std::fs;
use std::path::Path;

use bursar::web::assets;
use bursar::web::downloads::landing::{ClosedView, LandingView};
use bursar::web::error_page::ErrorView;
use bursar::web::order_page::pay::LeaveView;
use bursar::web::order_page::samples;
use bursar::web::shop::ShopView;
use bursar::words::Locale;

/// A rendered page and its name: `order_awaiting.vi`.
pub struct Picture {
    pub name: String,
    pub html: String,
}

/// All of them.
pub fn gallery() -> Vec<Picture> {
    Locale::ALL.into_iter().flat_map(pictures).collect()
}

fn pictures(locale: Locale) -> Vec<Picture> {
    let frame = samples::frame(locale, "/some/page");
    let picture = |kind: &str, name: &str, html| Picture {
        name: format!("{kind}_{name}.{}", locale.tag()),
        html,
    };
    let mut all = Vec::new();
    for (name, view) in samples::samples(locale) {
        all.push(picture("order", name, view.page().unwrap()));
    }
    let leave = LeaveView::sample(samples::frame(locale, "/o/secret"));
    all.push(picture("leave", "order", leave.page().unwrap()));
    for (name, view) in ShopView::samples(&frame) {
        all.push(picture("front", name, view.page().unwrap()));
    }
    for (name, view) in LandingView::samples(&frame) {
        all.push(picture("landing", name, view.page().unwrap()));
    }
    for (name, view) in ClosedView::samples(&frame) {
        all.push(picture("landing", name, view.page().unwrap()));
    }
    for (name, view) in ErrorView::samples(&frame) {
        all.push(picture("error", name, view.page().unwrap()));
    }
    all
}

#[test]
fn every_page_renders_in_every_state_and_language() {
    let all = gallery();
    assert_eq!(all.len(), 2 * (32 + 1 + 4 + 3 + 6 + 5));
    for Picture { name, html } in &all {
        assert!(html.starts_with("<!doctype html>"), "{name}");
        assert!(html.trim_end().ends_with("</html>"), "{name}");
        assert_eq!(html.matches("<h1").count(), 1, "{name}");
        assert_eq!(html.matches("<main").count(), 1, "{name}");
    }
    if let Some(folder) = std::env::var_os("BURSAR_PICTURES") {
        hang(Path::new(&folder), &all);
    }
}

#[test]
fn no_page_has_an_unfilled_value_or_a_missing_text() {
    for Picture { name, html } in gallery() {
        assert!(!html.contains("%{"), "{name} has an unfilled value");
        for space in ["page.", "order.", "shop.", "files.", "error_page."] {
            for locale in Locale::ALL {
                let missing = format!("{}.{space}", locale.tag());
                assert!(!html.contains(&missing), "{name} has no text for {missing}");
            }
        }
    }
}

#[test]
fn every_text_of_the_pages_is_in_both_languages() {
    for (file, yaml) in [
        ("order", include_str!("../../../locales/order.yml")),
        ("shop", include_str!("../../../locales/shop.yml")),
        ("files", include_str!("../../../locales/files.yml")),
    ] {
        let texts = |tag: &str| {
            let start = format!("{tag}: \"");
            let of = |line: &&str| line.trim_start().starts_with(&start);
            yaml.lines().filter(of).count()
        };
        assert!(texts("vi") > 10, "{file}");
        assert_eq!(texts("vi"), texts("en"), "{file}");
    }
}

#[test]
fn no_page_has_inline_script_style_or_foreign_assets() {
    for Picture { name, html } in gallery() {
        for script in html.split("<script").skip(1) {
            assert!(
                script.starts_with(" type=\"module\" src=\"/assets/"),
                "{name}"
            );
            assert!(script.contains("\"></script>"), "{name}");
        }
        assert!(!html.contains("<style"), "{name}");
        assert!(!html.contains(" style="), "{name}");
        assert!(!html.contains("javascript:"), "{name}");
        for handler in [" onclick", " onload", " onerror", " onsubmit", " onchange"] {
            assert!(!html.contains(handler), "{name} has {handler}");
        }
        for foreign in ["src=\"http", "src=\"//", "rel=\"stylesheet\" href=\"http"] {
            assert!(!html.contains(foreign), "{name} has {foreign}");
        }
    }
}

#[test]
fn every_asset_that_a_page_names_exists_under_its_version() {
    for Picture { name, html } in gallery() {
        let named: Vec<&str> = html
            .split('"')
            .filter(|part| part.starts_with("/assets/"))
            .collect();
        assert!(named.len() >= 2, "{name}");
        for address in named {
            let file = address.trim_start_matches("/assets/").split('?').next();
            let asset = assets::asset(file.unwrap()).expect(address);
            assert_eq!(address, assets::url(asset.name), "{name}");
            assert!(!asset.bytes.is_empty(), "{name}");
        }
    }
}

#[tokio::test]
async fn assets_are_served_to_be_kept_and_unknown_ones_are_not_found() {
    let answer = assets::serve(axum::extract::Path("live.js".to_owned())).await;
    assert_eq!(answer.status(), 200);
    let headers = answer.headers();
    assert_eq!(headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(
        headers["cache-control"],
        "public, max-age=31536000, immutable"
    );
    let missing = assets::serve(axum::extract::Path("../Cargo.toml".to_owned())).await;
    assert_eq!(missing.status(), 404);
}

#[test]
fn every_id_on_a_page_is_used_once_and_every_reference_leads_somewhere() {
    for Picture { name, html } in gallery() {
        let values = |attribute: &str| -> Vec<String> {
            html.split(attribute)
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .flat_map(str::split_whitespace)
                .map(str::to_owned)
                .collect()
        };
        let ids = values(" id=\"");
        for id in &ids {
            let same = ids.iter().filter(|other| *other == id).count();
            assert_eq!(same, 1, "{name}: id {id}");
        }
        for attribute in [
            " for=\"",
            " aria-labelledby=\"",
            " aria-describedby=\"",
            " href=\"#",
        ] {
            for target in values(attribute) {
                assert!(ids.contains(&target), "{name}: {attribute}{target}");
            }
        }
    }
}

fn hang(folder: &Path, all: &[Picture]) {
    for beneath in ["assets", "covers", "api/v1/payment/qr"] {
        fs::create_dir_all(folder.join(beneath)).unwrap();
    }
    for asset in assets::ASSETS {
        fs::write(folder.join("assets").join(asset.name), asset.bytes).unwrap();
    }
    let qr = qrcode::QrCode::new("BURSAR SAMPLE, NOT A PAYMENT: DHK7M2QX9A 899000").unwrap();
    let svg = qr.render::<qrcode::render::svg::Color>().build();
    fs::write(folder.join("api/v1/payment/qr/DHK7M2QX9A.svg"), svg).unwrap();
    for (cover, colours) in [
        ("excel", ["#14532d", "#4ade80"]),
        ("english", ["#1e3a5f", "#93c5fd"]),
    ] {
        let [dark, light] = colours;
        let picture = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 320"><rect width="480" height="320" fill="{dark}"/><circle cx="390" cy="60" r="150" fill="{light}" opacity=".35"/><circle cx="80" cy="300" r="120" fill="{light}" opacity=".2"/></svg>"#
        );
        fs::write(folder.join(format!("covers/{cover}.svg")), picture).unwrap();
    }
    for Picture { name, html } in all {
        fs::write(folder.join(format!("{name}.html")), html).unwrap();
    }
}

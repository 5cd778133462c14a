//! Settings that cannot work do not become a connector, and no setting's secret can be printed.

use super::*;

fn frappe_at(base_url: &str) -> LmsConnection {
    LmsConnection {
        kind: "frappe".to_owned(),
        base_url: base_url.to_owned(),
        api_key: Some(Secret::new(API_KEY)),
        api_secret: Some(Secret::new(API_SECRET)),
        confirm: None,
        ..endpoint("https://shop.example")
    }
}

/// The whole refusal; panics when the settings are accepted.
fn refusal(connection: &LmsConnection) -> String {
    let error = connect_within(connection, Limits::default()).err().unwrap();
    let text = format!("{error:#}");
    assert!(
        !text.contains(API_KEY) && !text.contains(API_SECRET),
        "{text}"
    );
    text
}

/// An endpoint with one thing changed.
fn changed(change: impl FnOnce(&mut HttpConfirm)) -> LmsConnection {
    let mut connection = endpoint("https://shop.example");
    change(connection.confirm.as_mut().unwrap());
    connection
}

#[test]
fn a_base_url_must_be_absolute_and_bare() {
    for (address, says) in [
        ("", "https://"),
        ("lms.example.com", "https://"),
        ("localhost:8000", "https://"),
        ("ftp://lms.example.com", "https://"),
        ("https://", "https://"),
        ("https://me:pw@lms.example.com", "credentials do not belong"),
        ("https://lms.example.com/?site=a", "after ?"),
        ("https://lms.example.com/#courses", "after #"),
    ] {
        let said = refusal(&frappe_at(address));
        assert!(said.contains(says), "{address:?}: {said}");
    }
    assert!(connect_within(&frappe_at("https://lms.example.com"), Limits::default()).is_ok());
}

#[test]
fn frappe_needs_a_whole_key_pair() {
    for (key, secret) in [
        (None, None),
        (Some(API_KEY), None),
        (Some(API_KEY), Some("")),
        (Some(":"), None),
        (None, Some(API_SECRET)),
        (Some("line\nbreak"), Some(API_SECRET)),
    ] {
        let connection = LmsConnection {
            api_key: key.map(Secret::new),
            api_secret: secret.map(Secret::new),
            ..frappe_at("https://lms.example.com")
        };
        assert!(refusal(&connection).contains("api_key"), "{key:?}");
    }
}

#[test]
fn an_unknown_kind_is_refused_with_the_kinds_there_are() {
    let connection = LmsConnection {
        kind: "blackboard".to_owned(),
        ..frappe_at("https://lms.example.com")
    };
    let said = refusal(&connection);
    assert!(
        said.contains("blackboard") && said.contains("frappe"),
        "{said}"
    );
}

#[test]
fn a_template_is_checked_before_the_first_buyer() {
    for (body, says) in [
        ("", "not JSON"),
        ("email={{email}}", "not JSON"),
        (r#"{"course": {{course}}}"#, "inside quotes"),
        (r#"["{{email}}"]"#, "object"),
        (r#"{"a": "{{email}}", "b": ["{{emial}}"]}"#, "{{emial}}"),
        (r#"{"a": "{{email}}", "b": "{{course}"}"#, "{{course}"),
        (r#"{"course": "{{course}}"}"#, "{{email}} is missing"),
    ] {
        let said = refusal(&changed(|confirm| confirm.body = body.to_owned()));
        assert!(
            said.contains(says) && said.contains("confirm.body"),
            "{body}: {said}"
        );
    }
}

#[test]
fn predicates_are_checked_before_the_first_buyer() {
    for (line, says) in [
        ("", "no `=`"),
        ("/message/success", "no `=`"),
        ("message.success = true", "JSON pointer"),
        ("/message/success =", "nothing after"),
    ] {
        let said = refusal(&changed(|confirm| confirm.success = line.to_owned()));
        assert!(
            said.contains(says) && said.contains("confirm.success"),
            "{line}: {said}"
        );
        let said = refusal(&changed(|confirm| confirm.already = Some(line.to_owned())));
        assert!(
            said.contains(says) && said.contains("confirm.already"),
            "{line}: {said}"
        );
    }
    let said = refusal(&changed(|confirm| {
        confirm.already = Some("/a = \"\"".to_owned());
    }));
    assert!(said.contains("every answer"), "{said}");
}

#[test]
fn credential_and_style_must_agree() {
    for (style, credential, says) in [
        ("none", Some(API_KEY), "never be sent"),
        ("bearer", None, "empty"),
        ("token", Some(" "), "empty"),
        ("basic", Some(API_KEY), "USER:PASSWORD"),
        (
            "digest",
            Some(API_KEY),
            "must be none, token, bearer or basic",
        ),
        ("bearer", Some("line\nbreak"), "characters"),
    ] {
        let said = refusal(&changed(|confirm| {
            confirm.auth = style.to_owned();
            confirm.credential = credential.map(Secret::new);
        }));
        assert!(said.contains(says), "{style}: {said}");
    }
}

#[test]
fn an_endpoint_without_a_scheme_or_without_settings_is_refused() {
    let said = refusal(&changed(|confirm| {
        confirm.url = "shop.example/confirm".to_owned();
    }));
    assert!(said.contains("confirm.url"), "{said}");
    let bare = LmsConnection {
        confirm: None,
        ..endpoint("https://shop.example")
    };
    assert!(refusal(&bare).contains("confirm"));
}

#[test]
fn no_connector_prints_its_secrets() {
    use bursar::connectors::lms::{frappe::Frappe, http_confirm};
    let frappe = Frappe::new(&frappe_at("https://lms.example.com"), Limits::default()).unwrap();
    let endpoint = endpoint("https://shop.example");
    let confirm = http_confirm::HttpConfirm::new(&endpoint, Limits::default()).unwrap();
    for printed in [format!("{frappe:?}"), format!("{confirm:#?}")] {
        assert!(printed.contains("Sensitive"), "{printed}");
        assert!(
            !printed.contains(API_KEY) && !printed.contains(API_SECRET),
            "{printed}"
        );
    }
}

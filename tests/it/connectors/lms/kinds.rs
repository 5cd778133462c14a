//! The table of kinds, which `bursar connect add` and the settings live on.

use std::path::Path;

use bursar::config::{Config, LmsConnection, Mode};
use bursar::connectors::http::Limits;
use bursar::connectors::lms::{KINDS, connect_within};
use bursar::connectors::setup::{Form, Question};

/// An answer that a seller might give.
fn answer(question: &Question) -> toml::Value {
    match (question.form, question.otherwise) {
        (Form::YesNo, _) => false.into(),
        (Form::Number, _) => 7.into(),
        (Form::Choice(words), _) => words[words.len() - 1].0.into(),
        (Form::Address, _) => "https://learn.example.com".into(),
        (_, Some(otherwise)) if !otherwise.is_empty() => otherwise.into(),
        // Also a pair, as basic authentication wants it.
        (Form::Secret, _) => "user:s3cret".into(),
        (Form::Line, Some(_)) => "/error = already".into(),
        (Form::Line, None) => "1".into(),
    }
}

fn connection(kind: &str, questions: &[Question]) -> LmsConnection {
    let mut table = toml::Table::new();
    table.insert("kind".to_owned(), kind.into());
    for question in questions {
        let (section, setting) = question
            .setting
            .split_once('.')
            .unwrap_or(("", question.setting));
        let place = if section.is_empty() {
            &mut table
        } else {
            let empty = || toml::Table::new().into();
            let inside = table.entry(section).or_insert_with(empty);
            inside.as_table_mut().unwrap()
        };
        place.insert(setting.to_owned(), answer(question));
    }
    table.try_into().unwrap()
}

#[test]
fn every_kind_has_questions_that_lead_to_a_connection() {
    for kind in KINDS {
        let setup = &kind.setup;
        assert!(
            setup.pretends || !setup.questions.is_empty(),
            "{}",
            setup.kind
        );
        let connection = connection(setup.kind, setup.questions);
        let mut config = Config {
            mode: Mode::Development,
            ..Config::default()
        };
        config.lms.insert("it".to_owned(), connection.clone());
        assert_eq!(config.faults(), [], "{}", setup.kind);
        let connected = connect_within(&connection, Limits::default());
        assert!(connected.is_ok(), "{}: {:?}", setup.kind, connected.err());
    }
}

/// The settings cannot know the connectors, so they have a list of their own.
#[test]
fn the_settings_know_exactly_the_kinds_that_there_are() {
    let mut config = Config::default();
    config.lms.insert("it".to_owned(), connection("none", &[]));
    let faults = config.faults();
    let fault = faults
        .iter()
        .find(|fault| fault.setting == "lms.it.kind")
        .unwrap();
    let known = fault.remedy.trim_start_matches("Use one of: ");
    let mut known: Vec<&str> = known.split(", ").collect();
    let mut kinds: Vec<&str> = KINDS.iter().map(|kind| kind.setup.kind).collect();
    known.sort_unstable();
    kinds.sort_unstable();
    assert_eq!(known, kinds);
}

#[test]
fn every_guide_that_a_seller_is_sent_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for kind in KINDS {
        assert!(root.join(kind.setup.guide).exists(), "{}", kind.setup.guide);
    }
}

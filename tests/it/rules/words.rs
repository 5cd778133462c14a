//! The words: the same keys and the same values to fill in, in every language; nothing empty, and
//! nothing asked for that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bursar::words::Locale;
use serde_yaml::Value;

/// Key, then language, then text.
type Words = BTreeMap<String, BTreeMap<String, String>>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn words_of(file: &Path) -> Words {
    let mut words = Words::new();
    let tree: Value = serde_yaml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    collect(&tree, "", &mut words);
    words
}

fn collect(node: &Value, key: &str, words: &mut Words) {
    let Value::Mapping(map) = node else {
        return;
    };
    for (name, child) in map {
        let name = name.as_str().unwrap();
        match child {
            Value::Mapping(_) => {
                let below = if key.is_empty() {
                    name.to_owned()
                } else {
                    format!("{key}.{name}")
                };
                collect(child, &below, words);
            }
            Value::String(text) => {
                let entry = words.entry(key.to_owned()).or_default();
                entry.insert(name.to_owned(), text.clone());
            }
            _ => assert_eq!(name, "_version", "{key}.{name} is neither text nor a group"),
        }
    }
}

fn files_below(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path, endings));
        } else if path
            .extension()
            .is_some_and(|e| endings.iter().any(|end| e == *end))
        {
            found.push(path);
        }
    }
    found
}

fn all_words() -> Words {
    let files = files_below(&root().join("locales"), &["yml"]);
    assert!(files.len() >= 2, "found {files:?}");
    files.iter().flat_map(|file| words_of(file)).collect()
}

/// The names in `%{…}`.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split("%{")
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .collect()
}

#[test]
fn every_key_exists_in_every_language_and_none_is_empty() {
    let languages: BTreeSet<String> = Locale::ALL.iter().map(|l| l.tag().to_owned()).collect();
    for (key, texts) in all_words() {
        assert_eq!(
            texts.keys().cloned().collect::<BTreeSet<_>>(),
            languages,
            "{key}"
        );
        assert!(
            texts.values().all(|text| !text.trim().is_empty()),
            "{key} is empty"
        );
    }
}

#[test]
fn every_language_fills_in_the_same_values() {
    for (key, texts) in all_words() {
        let mut sets = texts.values().map(|text| placeholders(text));
        let first = sets.next().unwrap();
        assert!(sets.all(|set| set == first), "{key}: {texts:#?}");
        for name in first {
            let plain = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(
                plain && !name.is_empty(),
                "{key} has the odd placeholder {name:?}"
            );
        }
    }
}

#[test]
fn no_key_is_defined_twice() {
    let mut homes = BTreeMap::<String, PathBuf>::new();
    for file in files_below(&root().join("locales"), &["yml"]) {
        for key in words_of(&file).into_keys() {
            if let Some(other) = homes.insert(key.clone(), file.clone()) {
                panic!("{key} is in {} and {}", other.display(), file.display());
            }
        }
    }
}

#[test]
fn the_binary_says_what_the_files_say() {
    for (key, texts) in all_words() {
        for locale in Locale::ALL {
            assert_eq!(locale.say(&key), texts[locale.tag()], "{key}");
        }
    }
}

/// Every text in quotes, in source or template, that begins like a key of `group`. Nouns say no
/// words to people; the actions of their audit entries only look like keys.
fn keys_asked_for(group: &str) -> BTreeSet<String> {
    let mut files = files_below(&root().join("src"), &["rs"]);
    files.retain(|file| !file.starts_with(root().join("src/model")));
    files.extend(files_below(
        &root().join("templates"),
        &["html", "txt", "svg"],
    ));
    let begin = format!("\"{group}.");
    let mut keys = BTreeSet::new();
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        let asked = source
            .split(&begin)
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        keys.extend(asked.map(|rest| format!("{group}.{rest}")));
    }
    keys
}

#[test]
fn every_key_of_an_email_exists_and_every_existing_one_is_used() {
    let words = all_words();
    let defined: BTreeSet<String> = words
        .into_keys()
        .filter(|key| key.starts_with("email."))
        .collect();
    let asked = keys_asked_for("email");
    assert!(asked.len() > 40, "found only {asked:?}");
    let missing: Vec<_> = asked.difference(&defined).collect();
    let unused: Vec<_> = defined.difference(&asked).collect();
    assert!(missing.is_empty(), "asked for and not there: {missing:?}");
    assert!(unused.is_empty(), "there and never asked for: {unused:?}");
}

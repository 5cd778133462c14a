//! From text to settings: file, environment, types, rules; every fault found on the way is kept.
//! A wrong entry is noted, struck out, and reading goes on, so that one start shows all faults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::check::check;
use super::environment::{assignments, config_path};
use super::fault::{ConfigFault, Place};
use super::rules::Finding;
use super::tree::Tree;
use super::{Config, Mode};

const DEFAULT_FILE: &str = "bursar.toml";

/// More than any settings file needs.
const MAX_BYTES: u64 = 1024 * 1024;

/// See [`Config::load`].
pub(super) fn load(
    path: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, Vec<ConfigFault>> {
    let variables: BTreeMap<String, String> = environment
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let named = path.map_or_else(
        || config_path(&variables).map(PathBuf::from),
        |path| Some(path.to_owned()),
    );
    let (file, text) = read_file(named).map_err(|fault| vec![fault])?;
    let given = assignments(&variables);
    let mut tree = Tree::parse(&file, &text)?;
    let mut faults: Vec<ConfigFault> = given
        .iter()
        .filter_map(|assignment| tree.assign(assignment).err())
        .collect();
    let config = read_types(&mut tree, &mut faults);
    judge(&config, &tree, &mut faults);
    if faults.is_empty() {
        return Ok(config);
    }
    faults.sort_by(|a, b| (&a.place, &a.setting).cmp(&(&b.place, &b.setting)));
    Err(faults)
}

/// The rules alone, for a configuration that the program made itself.
pub(super) fn faults_of(config: &Config) -> Vec<ConfigFault> {
    let findings = check(config).into_iter();
    findings
        .map(|finding| fault(Place::Unset, finding))
        .collect()
}

fn read_file(named: Option<PathBuf>) -> Result<(PathBuf, String), ConfigFault> {
    let must_exist = named.is_some();
    let file = named.unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    let wrong = |what: String, remedy: &str| ConfigFault {
        place: Place::File(file.clone()),
        setting: String::new(),
        what,
        remedy: remedy.to_owned(),
    };
    if !must_exist && !file.exists() {
        return Ok((file, String::new()));
    }
    let size = std::fs::metadata(&file).map_or(0, |about| about.len());
    if size > MAX_BYTES {
        return Err(wrong(
            format!("has {size} bytes"),
            "Settings fit into 1 MiB; check that this is the right file",
        ));
    }
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok((file, text)),
        Err(error) => Err(wrong(
            format!("cannot be read: {error}"),
            "Check the path and its permissions; the text must be UTF-8",
        )),
    }
}

fn read_types(tree: &mut Tree<'_>, faults: &mut Vec<ConfigFault>) -> Config {
    loop {
        let error = match tree.read::<Config>() {
            Ok(config) => return config,
            Err(error) => error,
        };
        let Some(path) = error.span().and_then(|span| tree.path_at(&span)) else {
            faults.push(type_fault(Place::Unset, String::new(), error.message()));
            return Config::default();
        };
        if tree.reinterpret(&path) {
            continue;
        }
        let place = error
            .span()
            .map_or(Place::Unset, |span| tree.place_of(&span));
        let setting = path.join(".");
        for variable in tree.strike(&path) {
            let other = Place::Variable(variable);
            if other != place {
                faults.push(type_fault(other, setting.clone(), error.message()));
            }
        }
        faults.push(type_fault(place, setting, error.message()));
    }
}

/// What serde says, in our words. Its "invalid type: integer `123`" is left out: it may quote a secret.
fn type_fault(place: Place, setting: String, message: &str) -> ConfigFault {
    let expected = message.rsplit_once("expected ").map(|(_, what)| what);
    let (what, remedy) = if message.starts_with("unknown field") {
        let known = expected.unwrap_or_default().trim_start_matches("one of ");
        let remedy = format!("Take it out or correct its name; known here: {known}");
        ("is not a setting".to_owned(), remedy)
    } else if message.starts_with("unknown variant") {
        let known = expected.unwrap_or_default();
        ("has an unknown value".to_owned(), format!("Use {known}"))
    } else if message.contains("socket address") {
        let remedy = "Write an IP address and a port, such as 127.0.0.1:8080".to_owned();
        ("is not an address to listen on".to_owned(), remedy)
    } else {
        let wanted = expected.map_or("what bursar.example.toml shows", kind_in_words);
        (
            "has the wrong type or size".to_owned(),
            format!("Give {wanted}"),
        )
    };
    ConfigFault {
        place,
        setting,
        what,
        remedy,
    }
}

fn kind_in_words(rust: &str) -> &str {
    match rust {
        "a string" | "string" | "path string" => "text in quotes",
        "a boolean" => "true or false",
        "u16" => "a whole number from 0 to 65535, without quotes",
        "u32" | "u64" | "usize" => "a whole number, 0 or more, without quotes",
        "i32" | "i64" => "a whole number without quotes",
        "a sequence" => "a list: [[payments.accounts]] for each account",
        "a map" => "a section with names, as bursar.example.toml shows",
        other if other.starts_with("struct ") => "a section, as bursar.example.toml shows",
        other => other,
    }
}

/// The rules, except where a fault of type stands already at the same setting or above it.
fn judge(config: &Config, tree: &Tree<'_>, faults: &mut Vec<ConfigFault>) {
    let mut findings = check(config);
    if config.mode == Mode::Demo {
        findings.push(Finding::new(
            "mode",
            "must not be demo: in a demo anybody can pay without money",
            "Use development or production; `bursar demo` sets up its own settings",
        ));
    }
    let wrong_already: Vec<String> = faults.iter().map(|f| f.setting.clone()).collect();
    for finding in findings {
        let covered = wrong_already.iter().any(|above| {
            let rest = finding.setting.strip_prefix(above.as_str());
            !above.is_empty() && rest.is_some_and(|r| r.is_empty() || r.starts_with('.'))
        });
        if !covered {
            let path: Vec<String> = finding.setting.split('.').map(str::to_owned).collect();
            faults.push(fault(tree.place(&path), finding));
        }
    }
}

fn fault(place: Place, finding: Finding) -> ConfigFault {
    ConfigFault {
        place,
        setting: finding.setting,
        what: finding.what,
        remedy: finding.remedy,
    }
}

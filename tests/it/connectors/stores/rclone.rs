//! rclone against its own `local` backend, and a stand-in for it that lies.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bursar::config::{RcloneOptions, Secret, StoreConnection};
use bursar::connectors::Fault;
use bursar::connectors::stores::Store;
use bursar::connectors::stores::rclone::Rclone;

use super::every_store::parcel;

fn settings(root: &Path, options: RcloneOptions) -> StoreConnection {
    StoreConnection {
        path: root.to_string_lossy().into_owned(),
        rclone: Some(RcloneOptions {
            backend: "local".to_owned(),
            ..options
        }),
        ..StoreConnection::default()
    }
}

/// rclone itself, on a folder of this machine.
pub fn local(root: &Path) -> Rclone {
    let options = RcloneOptions {
        allow_old: true,
        ..RcloneOptions::default()
    };
    Rclone::new(&settings(root, options)).unwrap()
}

/// A program that stands in for rclone: a FAKE, a shell script.
fn stand_in(folder: &tempfile::TempDir, script: &str, allow_old: bool) -> Rclone {
    let path = folder.path().join("rclone");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let options = RcloneOptions {
        program: path.to_string_lossy().into_owned(),
        options: BTreeMap::from([("token".to_owned(), Secret::new("token-that-must-not-show"))]),
        allow_old,
        ..RcloneOptions::default()
    };
    Rclone::new(&settings(Path::new(""), options)).unwrap()
}

/// Seen with `rclone serve webdav`: success, and nothing delivered.
#[tokio::test]
async fn success_with_nothing_delivered_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let store = stand_in(
        &folder,
        "case $1 in rcat) cat >/dev/null; exit 0;; lsjson) exit 3;; *) exit 0;; esac",
        true,
    );
    let fault = store.put(parcel("a.bin", b"bytes")).await.unwrap_err();
    assert!(
        fault.to_string().contains("not there when read back"),
        "{fault}"
    );
}

#[tokio::test]
async fn exit_codes_and_words_are_understood_and_no_secret_is_repeated() {
    for (script, is_broken, says) in [
        (
            r#"echo '{"level":"error","msg":"oauth2: invalid_grant for token-that-must-not-show"}' >&2; exit 1"#,
            true,
            "invalid_grant",
        ),
        (
            r#"echo '{"level":"error","msg":"connection reset"}' >&2; exit 1"#,
            false,
            "connection reset",
        ),
        ("exit 5", false, "no reason"),
        ("exit 7", true, "no use"),
        ("kill -9 $$", false, "no reason"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = stand_in(&folder, script, true);
        let fault = store.look("a.bin").await.unwrap_err();
        assert_eq!(
            matches!(fault, Fault::ConnectionBroken { .. }),
            is_broken,
            "{script}: {fault}"
        );
        assert!(fault.to_string().contains(says), "{script}: {fault}");
        assert!(!fault.to_string().contains("must-not-show"), "{fault}");
    }
}

#[tokio::test]
async fn a_version_with_known_holes_is_refused_unless_it_was_allowed() {
    for (version, allow_old, works) in [
        ("v1.60.1-DEV", false, false),
        ("v1.60.1-DEV", true, true),
        ("v1.75.0", false, true),
        ("v1.59.2", true, false),
        ("v2.0.0", false, true),
        ("something", true, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("case $1 in version) echo 'rclone {version}';; *) echo '[]';; esac");
        let store = stand_in(&folder, &script, allow_old);
        assert_eq!(store.ping().await.is_ok(), works, "{version} {allow_old}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let options = RcloneOptions {
        program: "/nowhere/rclone".to_owned(),
        ..RcloneOptions::default()
    };
    let store = Rclone::new(&settings(Path::new(""), options)).unwrap();
    let why = store.ping().await.unwrap_err().to_string();
    assert!(why.contains("/nowhere/rclone"), "{why}");
}

/// The settings go in as the environment, and nothing else of ours does.
#[tokio::test]
async fn the_child_sees_its_settings_and_no_other_environment() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("env");
    let store = stand_in(&folder, &format!("env > {}; exit 3", out.display()), true);
    assert_eq!(store.look("a.bin").await.unwrap(), None);
    let seen = std::fs::read_to_string(out).unwrap();
    assert!(seen.contains("RCLONE_CONFIG_BURSAR_TYPE=local"), "{seen}");
    assert!(seen.contains("RCLONE_CONFIG_BURSAR_TOKEN=token-that-must-not-show"));
    assert!(!seen.contains("CARGO"), "{seen}");
}

//! The command line, as a process of its own beside a server that has the database open. Its settings
//! hold the account and the key of [`super::server::Server`].

use std::process::Command;

use tempfile::TempDir;

use super::server::{ACCOUNT, API_KEY};

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Run `bursar …` on this database, as the operator chi.
pub async fn bursar(database: &str, arguments: &[&str]) -> Said {
    let folder = TempDir::new().unwrap();
    let settings = folder.path().join("bursar.toml");
    let text = format!(
        "mode = \"development\"\n[[payments.accounts]]\nbank = \"Vietcombank\"\nnumber = \"{ACCOUNT}\"\n\
         holder = \"NGUYEN VAN A\"\n[payments.sepay]\napi_key = \"{API_KEY}\"\n"
    );
    std::fs::write(&settings, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
    command
        .env("BURSAR_CONFIG", settings)
        .env("BURSAR_LOG", "error")
        .env("USER", "chi")
        .args(["--database", database])
        .args(arguments);
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = ran.await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

//! The server under measurement: the release binary with settings of its own, as a child process.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bursar::config::LmsConnection;
use tempfile::TempDir;

use crate::http;

/// The one course that is on sale.
pub const COURSE: &str = "bench";
/// Where buyers pay to.
pub const ACCOUNT: &str = "0071000888888";
/// The webhook's key.
pub const API_KEY: &str = "bench-key";

const BINARY: &str = env!("CARGO_BIN_EXE_bursar");
const CATALOGUE: &str = r#"
[[course]]
slug = "bench"
title = "Rust cho người bán hàng"
summary = "x"
url = "https://shop.example/bench"
price = 599000
rights = "own"
[[course.benefit]]
kind = "enrolment"
connection = "lms"
course = "bench"
"#;

const FILES: &str = r#"
[[course]]
slug = "bench"
title = "Rust cho người bán hàng"
summary = "x"
url = "https://shop.example/bench"
price = 599000
rights = "own"
[[course.benefit]]
kind = "files"
source = "disk"
folder = "course"
"#;

/// Which database is below.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Settings, a migrated database with a catalogue, and a folder in memory for letters.
pub struct Shop {
    pub database: String,
    port: u16,
    folder: TempDir,
    letters: TempDir,
    lms: String,
    /// More settings, as they stand in the file.
    more: String,
}

/// A running server; killed when dropped.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Shop {
    /// Over a database that is empty or does not exist yet. Without a platform, enrolments go to the
    /// connector in memory.
    pub fn open(database: String, platform: Option<&LmsConnection>) -> anyhow::Result<Self> {
        let lms = platform.map_or_else(in_memory, over_http);
        Self::selling(CATALOGUE, database, lms, String::new())
    }

    /// One that sells the folder `course` of this folder, with more settings.
    pub fn of_files(folder: &Path, more: &str) -> anyhow::Result<Self> {
        let database = format!("sqlite:{}", folder.join("bench.db").display());
        let more = format!("[sources.disk]\npath = \"{}\"\n{more}", folder.display());
        Self::selling(FILES, database, in_memory(), more)
    }

    fn selling(
        catalogue: &str,
        database: String,
        lms: String,
        more: String,
    ) -> anyhow::Result<Self> {
        let memory = Path::new("/dev/shm");
        let letters = if memory.is_dir() {
            TempDir::new_in(memory)?
        } else {
            TempDir::new()?
        };
        let shop = Self {
            database,
            port: free_port()?,
            folder: TempDir::new()?,
            letters,
            lms,
            more,
        };
        std::fs::write(shop.folder.path().join("catalogue.toml"), catalogue)?;
        shop.settle(16)?;
        shop.command(&["migrate"])?;
        let catalogue = shop.folder.path().join("catalogue.toml");
        shop.command(&["catalogue", "import", &catalogue.display().to_string()])?;
        Ok(shop)
    }

    /// Write the settings, with so many slots for tasks.
    pub fn settle(&self, slots: usize) -> anyhow::Result<()> {
        let text = format!(
            r#"mode = "development"
database = "{database}"
listen = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"
[[payments.accounts]]
bank = "Vietcombank"
number = "{ACCOUNT}"
holder = "NGUYEN VAN A"
[payments.sepay]
api_key = "{API_KEY}"
[lms.lms]
{lms}
[mail]
transport = "folder"
folder = "{letters}"
[queue]
slots = {slots}
[limits]
orders_per_minute = 100000
{more}
"#,
            database = self.database,
            port = self.port,
            letters = self.letters.path().display(),
            lms = self.lms,
            more = self.more,
        );
        Ok(std::fs::write(self.settings(), text)?)
    }

    /// A file of this shop's folder.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Start and wait until it can work.
    pub fn serve(&self) -> anyhow::Result<Server> {
        let mut server = self.spawn()?;
        server.wait_for("/readyz")?;
        Ok(server)
    }

    /// Start, and do not wait.
    pub fn spawn(&self) -> anyhow::Result<Server> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))?;
        let child = self.program().arg("serve").stderr(log).spawn()?;
        Ok(Server {
            child,
            port: self.port,
        })
    }

    fn command(&self, words: &[&str]) -> anyhow::Result<()> {
        let output = self.program().args(words).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "bursar {words:?}: {said}");
        Ok(())
    }

    fn program(&self) -> Command {
        // Another build, to compare with.
        let binary = std::env::var_os("BENCH_BINARY").unwrap_or_else(|| BINARY.into());
        let mut program = Command::new(binary);
        program
            .env_clear()
            .env("BURSAR_LOG", "warn")
            .env("BURSAR_CONFIG", self.settings())
            .current_dir(self.folder.path())
            .stdout(Stdio::null());
        program
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("bursar.toml")
    }
}

impl Server {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Until the first 200.
    pub fn wait_for(&mut self, path: &str) -> anyhow::Result<()> {
        let begun = Instant::now();
        while http::status(self.port, path) != Some(200) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended: {status}");
            }
            ensure!(
                begun.elapsed() < Duration::from_secs(30),
                "{path} never answered 200"
            );
            std::thread::sleep(Duration::from_micros(500));
        }
        Ok(())
    }

    /// Ask it to stop, and wait.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.pid().to_string();
        Command::new("kill").args(["-TERM", &pid]).status()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the server stopped with {status}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been stopped in order.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn in_memory() -> String {
    "kind = \"fake\"\nconcurrency = 32".to_owned()
}

fn over_http(connection: &LmsConnection) -> String {
    let secret = |secret: &Option<bursar::config::Secret>| {
        secret
            .as_ref()
            .map_or("", |secret| secret.expose())
            .to_owned()
    };
    format!(
        "kind = \"{}\"\nbase_url = \"{}\"\napi_key = \"{}\"\napi_secret = \"{}\"",
        connection.kind,
        connection.base_url,
        secret(&connection.api_key),
        secret(&connection.api_secret),
    )
}

/// A port that is free now.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

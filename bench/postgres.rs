//! A private PostgreSQL from Debian's packages, with the default durability, gone at the end.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::machine;
use crate::server;

/// A running server.
pub struct Postgres {
    bin: PathBuf,
    port: u16,
    folder: TempDir,
}

impl Postgres {
    /// `pg_stat_statements` is loaded, and off until `store::Watch::count_statements`.
    pub fn start() -> anyhow::Result<Self> {
        let postgres = Self {
            bin: newest_bin()?,
            port: server::free_port()?,
            folder: tempfile::Builder::new().prefix("bursar-bench-").tempdir()?,
        };
        if is_root() {
            let owned = Command::new("chown")
                .arg("postgres:")
                .arg(postgres.folder.path())
                .status()?;
            ensure!(owned.success(), "chown postgres: failed");
        }
        let (folder, port) = (postgres.folder.path().display(), postgres.port);
        postgres.run(
            "initdb",
            &[
                "--username=bursar",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ],
        )?;
        // In the file and not on the command line, so that it can be changed later.
        let file = postgres.data().join("postgresql.conf");
        let preload =
            "shared_preload_libraries = 'pg_stat_statements'\npg_stat_statements.track = none\n";
        File::options()
            .append(true)
            .open(file)?
            .write_all(preload.as_bytes())?;
        let settings = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} \
             -c shared_buffers=512MB"
        );
        let log = format!("--log={folder}/log");
        postgres.run(
            "pg_ctl",
            &[
                "start",
                "--wait",
                "--silent",
                &log,
                &format!("--options={settings}"),
            ],
        )?;
        println!(
            "{}; fsync and synchronous_commit on, shared_buffers 512MB, {folder}",
            machine::said(
                &postgres.bin.join("postgres").display().to_string(),
                &["--version"]
            )
        );
        Ok(postgres)
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://bursar@127.0.0.1:{}/{database}", self.port)
    }

    pub async fn connect(&self, database: &str) -> anyhow::Result<Client> {
        let (client, connection) = tokio_postgres::connect(&self.url(database), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    pub async fn create(&self, database: &str) -> anyhow::Result<()> {
        let admin = self.connect("postgres").await?;
        Ok(admin
            .batch_execute(&format!("CREATE DATABASE {database}"))
            .await?)
    }

    /// Process id of the server's first process.
    pub fn pid(&self) -> anyhow::Result<u32> {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid"))?;
        Ok(text.lines().next().context("no pid")?.trim().parse()?)
    }

    /// `pgbench` of the same packages: transactions per second of a script.
    pub fn pgbench(
        &self,
        database: &str,
        script: &Path,
        clients: usize,
        seconds: u32,
    ) -> anyhow::Result<f64> {
        let threads = clients.min(2);
        let output = Command::new(self.bin.join("pgbench"))
            .args(["-M", "prepared", "-n", "-h", "127.0.0.1", "-U", "bursar"])
            .args(["-p", &self.port.to_string(), "-c", &clients.to_string()])
            .args(["-j", &threads.to_string(), "-T", &seconds.to_string(), "-f"])
            .arg(script)
            .arg(database)
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let trouble = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "pgbench: {trouble}");
        let tps = said.lines().find_map(|line| line.strip_prefix("tps = "));
        let tps = tps.and_then(|rest| rest.split(' ').next()?.parse().ok());
        tps.with_context(|| format!("pgbench said no tps: {said}"))
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// PostgreSQL refuses to run as root, so root hands its server to the package's user.
    fn run(&self, program: &str, words: &[&str]) -> anyhow::Result<()> {
        let program = self.bin.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let data = format!("--pgdata={}", self.data().display());
        command.args(words).arg(data).current_dir("/");
        let status = command.stdout(Stdio::null()).status()?;
        ensure!(status.success(), "{command:?} failed");
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(e) = self.run("pg_ctl", &["stop", "--mode=fast", "--silent"]) {
            println!("PostgreSQL did not stop: {e}");
        }
    }
}

/// Debian keeps it out of PATH. The newest version, where there are several.
fn newest_bin() -> anyhow::Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let bins = versions.map(|version| version.path().join("bin"));
    let newest = bins.filter(|bin| bin.join("initdb").exists()).max();
    newest.context("no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql")
}

fn is_root() -> bool {
    machine::said("id", &["-u"]) == "0"
}

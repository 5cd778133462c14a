//! A large file to one reader, ours against nginx with sendfile, in turns in the same run: throughput
//! and processor time of the server alone. Then many slow readers at once: memory of our process.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bursar::clock::Clock;
use bursar::connectors::destinations::links::Links;
use bursar::id::GrantId;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::http::Client;
use crate::load;
use crate::machine::{megabytes, processor_time};
use crate::server::{Server, Shop, free_port};
use crate::table::{median, number, row};

const KEY: &str = "the key of the measurement, long enough";
const GIGABYTE: u64 = 1_000_000_000;
const ROUNDS: usize = 5;
const READERS: usize = 500;
/// What a slow reader takes, and how often: about 60 kB a second.
const SIP: usize = 16 * 1024;
const SIP_EVERY: Duration = Duration::from_millis(250);
const SIPPING: Duration = Duration::from_secs(20);

/// Limits that many readers of one address would run into.
const SETTINGS: &str = r#"[downloads]
signing_key = "the key of the measurement, long enough"
connections_per_link = 1000
connections_per_address = 10000
budget = 0
gigabytes_per_address = 0
"#;

/// Print both tables.
pub fn run() -> anyhow::Result<()> {
    let folder = tempfile::Builder::new().prefix("bursar-bench-").tempdir()?;
    write_course(folder.path())?;
    let shop = Shop::of_files(folder.path(), SETTINGS)?;
    let server = shop.serve()?;
    // Two files for each reader: the usual limit of 1,024 would be felt.
    let pid = server.pid().to_string();
    Command::new("prlimit")
        .args(["--pid", &pid, "--nofile=8192:8192"])
        .status()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let path = runtime.block_on(link(folder.path(), &server))?;
    against_nginx(folder.path(), &server, &path)?;
    runtime.block_on(slow_readers(&server, &path))?;
    Ok(())
}

/// Real blocks, so that nothing is saved on holes; in the page cache afterwards.
fn write_course(folder: &Path) -> anyhow::Result<()> {
    let course = folder.join("course");
    std::fs::create_dir(&course)?;
    let mut file = File::create(course.join("video.mp4"))?;
    let piece: Vec<u8> = (0..1_000_000_u32)
        .map(|n| n.to_le_bytes()[1] ^ 0x5a)
        .collect();
    for _ in 0..GIGABYTE / 1_000_000 {
        file.write_all(&piece)?;
    }
    Ok(())
}

/// Buy the course, and sign a link to its file as the landing page would.
async fn link(folder: &Path, server: &Server) -> anyhow::Result<String> {
    let mut client = Client::connect(server.port).await?;
    let order = load::order(&mut client).await?;
    load::pay(&mut client, &order).await?;
    let books = rusqlite::Connection::open(folder.join("bench.db"))?;
    let sql = "SELECT id FROM grants WHERE order_id = ?1 AND state = 'active'";
    let begun = Instant::now();
    let grant: String = loop {
        match books.query_row(sql, [&order.id], |row| row.get(0)) {
            Ok(grant) => break grant,
            Err(_) if begun.elapsed() < Duration::from_secs(30) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(error).context("the course was never delivered"),
        }
    };
    let links = Links::new(KEY.as_bytes(), None)?;
    let expires = Clock::system().now().plus(Duration::from_hours(10));
    let token = links.mint(&GrantId(grant), "video.mp4", expires);
    Ok(format!("/files/{token}/video.mp4"))
}

fn against_nginx(folder: &Path, server: &Server, path: &str) -> anyhow::Result<()> {
    println!(
        "== download: 1 GB from the page cache to one reader on loopback, {ROUNDS} rounds in turns"
    );
    let nginx = Nginx::start(folder)?;
    if nginx.is_none() {
        println!("nginx is not installed (apt-get install nginx-light): no comparison");
    }
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for _ in 0..ROUNDS {
        ours.push(one(server.port, path, server.pid(), false)?);
        if let Some(nginx) = &nginx {
            theirs.push(one(
                nginx.port,
                "/course/video.mp4",
                nginx.child.id(),
                true,
            )?);
        }
    }
    row(&["", "MB/s", "least", "most", "CPU s/GB"]);
    say("bursar", &ours);
    if nginx.is_some() {
        say("nginx, sendfile, 1 worker", &theirs);
        let middle =
            |figures: &[Run], of: fn(&Run) -> f64| median(figures.iter().map(of).collect());
        let ratio = |of: fn(&Run) -> f64| number(middle(&ours, of) / middle(&theirs, of));
        row(&[
            "ratio",
            &ratio(|run| run.speed),
            "",
            "",
            &ratio(|run| run.processor),
        ]);
    }
    println!();
    Ok(())
}

struct Run {
    speed: f64,
    processor: f64,
}

fn one(port: u16, path: &str, pid: u32, with_children: bool) -> anyhow::Result<Run> {
    let before = processor_time(pid, with_children);
    let begun = Instant::now();
    let received = fetch(port, path)?;
    let took = begun.elapsed().as_secs_f64();
    let spent = processor_time(pid, with_children).saturating_sub(before);
    ensure!(received >= GIGABYTE, "{received} bytes came");
    Ok(Run {
        speed: 1000.0 / took,
        processor: spent.as_secs_f64(),
    })
}

/// Everything that comes, head and all.
fn fetch(port: u16, path: &str) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let (mut piece, mut all) = (vec![0; 256 * 1024], 0);
    loop {
        match stream.read(&mut piece)? {
            0 => return Ok(all),
            read => all += read as u64,
        }
    }
}

fn say(name: &str, runs: &[Run]) {
    let mut speeds: Vec<f64> = runs.iter().map(|run| run.speed).collect();
    speeds.sort_by(f64::total_cmp);
    let processor = median(runs.iter().map(|run| run.processor).collect());
    let (least, most) = (speeds[0], speeds[speeds.len() - 1]);
    row(&[
        name,
        &number(median(speeds)),
        &number(least),
        &number(most),
        &number(processor),
    ]);
}

async fn slow_readers(server: &Server, path: &str) -> anyhow::Result<()> {
    println!("== download: {READERS} slow readers of that file at once, for {SIPPING:?}");
    let before = megabytes(server.pid(), "VmRSS");
    let peak_before = megabytes(server.pid(), "VmHWM");
    let readers = (0..READERS).map(|_| sip(server.port, path));
    let middle = async {
        tokio::time::sleep(SIPPING / 2).await;
        Ok(megabytes(server.pid(), "VmRSS"))
    };
    let readers = futures_util::future::try_join_all(readers);
    let (sipped, middle) = tokio::try_join!(readers, middle)?;
    let total: usize = sipped.iter().sum();
    row(&["MB", "before", "half-way", "end", "peak"]);
    row(&[
        &format!("{READERS} readers, {} MB sent", total / 1_000_000),
        &number(before),
        &number(middle),
        &number(megabytes(server.pid(), "VmRSS")),
        &number(megabytes(server.pid(), "VmHWM")),
    ]);
    println!("(the peak before them: {} MB)\n", number(peak_before));
    Ok(())
}

async fn sip(port: u16, path: &str) -> anyhow::Result<usize> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let (mut piece, mut all) = (vec![0; SIP], 0);
    let end = Instant::now() + SIPPING;
    while Instant::now() < end {
        let read = stream.read(&mut piece).await?;
        ensure!(read > 0, "a slow reader was cut off");
        if all == 0 {
            ensure!(
                piece.starts_with(b"HTTP/1.1 200"),
                "a slow reader was refused"
            );
        }
        all += read;
        tokio::time::sleep(SIP_EVERY).await;
    }
    Ok(all)
}

/// A private nginx with one worker.
struct Nginx {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Nginx {
    /// `None` where it is not installed.
    fn start(root: &Path) -> anyhow::Result<Option<Self>> {
        let Some(program) = ["/usr/sbin/nginx", "/usr/bin/nginx"]
            .map(PathBuf::from)
            .into_iter()
            .find(|path| path.exists())
        else {
            return Ok(None);
        };
        let (folder, port) = (TempDir::new()?, free_port()?);
        let (place, root) = (folder.path().display(), root.display());
        let conf = format!(
            "daemon off; worker_processes 1; user root; pid {place}/pid; error_log {place}/log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; default_type video/mp4;\n\
               client_body_temp_path {place}/b; proxy_temp_path {place}/p; fastcgi_temp_path {place}/f;\n\
               uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;\n\
               server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n"
        );
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, conf)?;
        let child = Command::new(program)
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&path)
            .stderr(Stdio::null())
            .spawn()?;
        let nginx = Self {
            child,
            port,
            _folder: folder,
        };
        let begun = Instant::now();
        while crate::http::status(port, "/missing") != Some(404) {
            ensure!(
                begun.elapsed() < Duration::from_secs(10),
                "nginx did not start"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(nginx))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, so that the master ends its worker too.
        let pid = self.child.id().to_string();
        drop(Command::new("kill").args(["-TERM", &pid]).status());
        drop(self.child.wait());
    }
}

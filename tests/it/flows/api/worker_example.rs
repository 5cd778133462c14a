//! The worker in `examples/`, as its own process, against a server on a socket. Nothing here sleeps:
//! the worker says what it does, one line each, and the tests read on until it has said it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use bursar::clock::Clock;
use bursar::db::Kind;
use serde_json::Value;
use tempfile::TempDir;

use super::code;
use crate::harness::server::{self, START, Server, WORKER_SECRET};

/// Longer than a lease holds.
const LOST: Duration = Duration::from_secs(46);

/// Delivers when it is told to, in the worker's own input.
const WAIT: [&str; 2] = ["--command", "read word"];

/// A running worker.
struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
}

impl Worker {
    fn start(server: &Server, folder: &TempDir, words: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/worker.py");
        let mut child = Command::new("python3")
            .args(["-B", "-u"])
            .arg(script)
            .args(["--address", &server.url, "--pause", "0.01"])
            .arg("--source")
            .arg(folder.path().join("courses"))
            .arg("--target")
            .arg(folder.path().join("delivered"))
            .args(words)
            .env("BURSAR_WORKER_SECRET", WORKER_SECRET)
            .env_remove("http_proxy")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is needed: ./test installs it");
        Self {
            input: child.stdin.take(),
            output: child.stdout.take().map(BufReader::new),
            child,
        }
    }

    /// Read on until it says a line that begins so.
    async fn says(&mut self, beginning: &'static str) -> String {
        let mut output = self.output.take().unwrap();
        // Off this thread: the server answers on it.
        let reading = tokio::task::spawn_blocking(move || {
            let mut heard = String::new();
            loop {
                let from = heard.len();
                let read = output.read_line(&mut heard).unwrap();
                assert!(read > 0, "the worker ended without {beginning:?}: {heard}");
                if heard[from..].starts_with(beginning) {
                    return (output, heard[from..].trim_end().to_owned());
                }
            }
        });
        let (output, line) = reading.await.unwrap();
        self.output = Some(output);
        line
    }

    /// Let its command end.
    fn go_on(&mut self) {
        self.input.take().unwrap().write_all(b"on\n").unwrap();
    }

    async fn ends(mut self) -> ExitStatus {
        let waiting = tokio::task::spawn_blocking(move || self.child.wait().unwrap());
        waiting.await.unwrap()
    }
}

/// A shop whose clock is right, for a worker that signs with the real one; a course in a folder.
async fn shop(kind: Kind) -> (Server, TempDir) {
    let server = Server::start_with(kind, |_| ()).await;
    server.wait(Clock::system().now().since(START));
    let folder = tempfile::tempdir().unwrap();
    let course = folder.path().join("courses/books/phần 1");
    std::fs::create_dir_all(&course).unwrap();
    std::fs::write(course.join("bài 1.txt"), "xin chào").unwrap();
    (server, folder)
}

async fn paid(server: &Server) -> Value {
    let order = server.order(&["books"]).await;
    server.pay(&order, 499_000).await;
    order
}

async fn status(server: &Server, order: &Value) -> Value {
    let path = format!("/api/v1/payment/check-status/{}", code(order));
    server.get(&path).await.json["status"].clone()
}

async fn lease_ends(server: &Server) {
    server.wait(LOST);
    server.sweep().await;
}

#[tokio::test]
async fn the_example_worker_delivers_what_was_paid() {
    for kind in crate::harness::databases::KINDS {
        let (server, folder) = shop(kind).await;
        let order = paid(&server).await;
        let mut worker = Worker::start(&server, &folder, &["--once"]);
        worker.says("finished").await;
        assert!(worker.ends().await.success());
        assert_eq!(status(&server, &order).await, "completed");
        let name = format!("delivered/{}-books/phần 1/bài 1.txt", code(&order));
        let delivered = std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(delivered, "xin chào");
    }
}

#[tokio::test]
async fn the_example_worker_keeps_its_task_while_it_works() {
    let (server, folder) = shop(Kind::Sqlite).await;
    let order = paid(&server).await;
    let words = [WAIT[0], WAIT[1], "--once", "--heartbeat", "0.02"];
    let mut worker = Worker::start(&server, &folder, &words);
    worker.says("claimed").await;
    for _ in 0..3 {
        server.wait(Duration::from_secs(40));
        // The second was sent after the clock was moved.
        worker.says("kept").await;
        worker.says("kept").await;
        server.sweep().await;
    }
    worker.go_on();
    worker.says("finished").await;
    assert!(worker.ends().await.success());
    assert_eq!(status(&server, &order).await, "completed");
}

#[tokio::test]
async fn the_example_worker_stops_working_on_a_task_that_it_lost() {
    let (server, folder) = shop(Kind::Sqlite).await;
    let order = paid(&server).await;
    let words = [WAIT[0], WAIT[1], "--once", "--heartbeat", "0.02"];
    let mut worker = Worker::start(&server, &folder, &words);
    worker.says("claimed").await;
    // A sign of life between the end of the lease and the sweep keeps it: then the next round ends it.
    loop {
        lease_ends(&server).await;
        if worker.says("").await.starts_with("lost") {
            break;
        }
    }
    worker.says("left").await;
    assert!(worker.ends().await.success());
    assert_eq!(status(&server, &order).await, "processing");
}

#[tokio::test]
async fn a_late_report_of_the_example_worker_changes_nothing() {
    let (server, folder) = shop(Kind::Sqlite).await;
    let order = paid(&server).await;
    let mut late = Worker::start(&server, &folder, &[WAIT[0], WAIT[1], "--once"]);
    late.says("claimed").await;
    lease_ends(&server).await;
    let mut other = Worker::start(&server, &folder, &["--once"]);
    other.says("stopped").await;
    late.go_on();
    late.says("left").await;
    assert!(late.ends().await.success());
    assert_eq!(status(&server, &order).await, "completed");
}

#[tokio::test]
async fn a_killed_example_worker_is_replaced_by_the_next() {
    let (server, folder) = shop(Kind::Sqlite).await;
    let order = paid(&server).await;
    let mut killed = Worker::start(&server, &folder, &[WAIT[0], WAIT[1]]);
    killed.says("claimed").await;
    killed.child.kill().unwrap();
    killed.ends().await;
    lease_ends(&server).await;
    let mut next = Worker::start(&server, &folder, &["--once"]);
    next.says("stopped").await;
    assert_eq!(status(&server, &order).await, "completed");
}

#[tokio::test]
async fn the_example_worker_finishes_what_it_has_before_it_stops() {
    let (server, folder) = shop(Kind::Sqlite).await;
    let (first, second) = (paid(&server).await, paid(&server).await);
    let mut worker = Worker::start(&server, &folder, &WAIT);
    worker.says("claimed").await;
    let pid = worker.child.id().to_string();
    let asked = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(asked.unwrap().success());
    worker.says("stopping").await;
    worker.go_on();
    worker.says("finished").await;
    worker.says("stopped").await;
    assert!(worker.ends().await.success());
    assert_eq!(status(&server, &first).await, "completed");
    assert_eq!(status(&server, &second).await, "processing");
}

#[tokio::test]
async fn the_example_worker_with_a_wrong_secret_says_so_and_ends() {
    server::each_with(
        |options| {
            options.config.worker.secret = Some(bursar::config::Secret::new("another secret!!"));
        },
        async |server| {
            server.wait(Clock::system().now().since(START));
            let folder = tempfile::tempdir().unwrap();
            let worker = Worker::start(&server, &folder, &["--once"]);
            assert!(!worker.ends().await.success());
        },
    )
    .await;
}

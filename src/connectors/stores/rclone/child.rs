//! The child processes: a clean environment, bounded words, killed when nobody waits for them any more.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

use super::super::{Flow, mapping, transient};
use super::broken;
use crate::config::{RcloneOptions, Secret};
use crate::connectors::Fault;
use crate::connectors::quote::quote;

/// The remote's name in every command.
pub(super) const NAME: &str = "bursar";
/// The longest that one file may take.
pub(super) const LONGEST: Duration = Duration::from_hours(24);
/// How long a child may neither take nor give a byte.
const STALL: Duration = Duration::from_mins(2);
/// How long a child may think after it was given everything.
const SETTLING: Duration = Duration::from_mins(30);
/// What is kept of its words, and of a short answer.
const WORDS: u64 = 64 * 1024;
/// One row of a listing.
const LONGEST_ROW: usize = 64 * 1024;
/// One piece of a file.
const PIECE: usize = 256 * 1024;

/// How every child starts.
pub(super) struct Program {
    path: String,
    settings: BTreeMap<String, Secret>,
}

/// How a child ended.
pub(super) struct Ended {
    /// `None`: killed by a signal.
    code: Option<i32>,
    /// What it printed, where it was kept.
    pub said: String,
    /// Its log.
    complaint: String,
}

impl Ended {
    /// "Folder not found", "file not found".
    pub fn is_absent(&self) -> bool {
        matches!(self.code, Some(3 | 4))
    }

    /// Exit codes as rclone documents them: 5 passes, 7 does not, 1 is everything else and has to be read.
    pub fn succeeded(&self, program: &Program) -> Result<&str, Fault> {
        let why = program.last_complaint(&self.complaint);
        match self.code {
            Some(0) => Ok(&self.said),
            Some(2) => Err(broken(&format!(
                "rclone does not understand the call: {why}."
            ))),
            Some(7) => Err(broken(&format!(
                "rclone says that trying again is of no use: {why}."
            ))),
            Some(1) if is_about_rights(&why) => Err(broken(&format!(
                "The cloud refuses these credentials: {why}."
            ))),
            _ => Err(transient(&format!("rclone failed: {why}."))),
        }
    }
}

fn is_about_rights(why: &str) -> bool {
    let why = why.to_lowercase();
    [
        "401",
        "403",
        "unauthorized",
        "forbidden",
        "invalid_grant",
        "access denied",
        "didn't find backend",
    ]
    .iter()
    .any(|sign| why.contains(sign))
}

impl Program {
    /// The options become the environment of every child.
    pub fn new(options: RcloneOptions) -> Self {
        let prefix = format!("RCLONE_CONFIG_{}_", NAME.to_uppercase());
        let mut settings: BTreeMap<String, Secret> = options
            .options
            .into_iter()
            .map(|(name, value)| (format!("{prefix}{}", name.to_uppercase()), value))
            .collect();
        settings.insert(format!("{prefix}TYPE"), Secret::new(options.backend));
        let given = Some(options.program).filter(|path| !path.is_empty());
        Self {
            path: given.unwrap_or_else(|| "rclone".to_owned()),
            settings,
        }
    }

    /// Nothing of our environment but where programs and homes are: one stray variable
    /// (`AWS_CA_BUNDLE`) has kept rclone from reaching any S3.
    fn start(&self, arguments: &[&str], takes: Stdio) -> Result<Child, Fault> {
        let mut command = Command::new(&self.path);
        command
            .env_clear()
            .envs(
                ["PATH", "HOME", "TMPDIR"]
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs(
                self.settings
                    .iter()
                    .map(|(name, value)| (name, value.expose())),
            )
            .args(arguments)
            .args(["--config", "", "--use-json-log", "--log-level", "ERROR"])
            .args(["--retries", "1", "--low-level-retries", "3"])
            .args(["--contimeout", "10s", "--timeout", "60s"])
            .stdin(takes)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.spawn().map_err(|error| {
            broken(&format!(
                "The program {:?} could not be started: {}.",
                self.path,
                error.kind()
            ))
        })
    }

    /// A short answer of a command that must succeed.
    pub async fn answer(&self, arguments: &[&str], patience: Duration) -> Result<String, Fault> {
        let ended = self.run(arguments, patience).await?;
        ended.succeeded(self).map(ToOwned::to_owned)
    }

    /// A command whose output is short.
    pub async fn run(&self, arguments: &[&str], patience: Duration) -> Result<Ended, Fault> {
        let mut child = self.start(arguments, Stdio::null())?;
        let (stdout, stderr) = ends(&mut child)?;
        let all = async {
            let (said, complaint) = tokio::join!(words(stdout), words(stderr));
            (child.wait().await, said, complaint)
        };
        let (status, said, complaint) = timeout(patience, all).await.map_err(|_| stood_still())?;
        Ok(Ended {
            code: status.map_err(|_| stood_still())?.code(),
            said,
            complaint,
        })
    }

    /// A command whose output is taken line by line.
    pub async fn lines(
        &self,
        arguments: &[&str],
        mut take: impl FnMut(&str) -> Result<(), Fault>,
    ) -> Result<Ended, Fault> {
        let mut child = self.start(arguments, Stdio::null())?;
        let (stdout, stderr) = ends(&mut child)?;
        let complaint = tokio::spawn(words(stderr));
        let mut rows = BufReader::new(stdout);
        let mut row = Vec::new();
        loop {
            row.clear();
            let mut bounded = (&mut rows).take(LONGEST_ROW as u64);
            let read = timeout(STALL, bounded.read_until(b'\n', &mut row)).await;
            match read {
                Ok(Ok(0)) => break,
                Ok(Ok(_)) => take(&String::from_utf8_lossy(&row))?,
                Ok(Err(_)) | Err(_) => return Err(stood_still()),
            }
        }
        self.end(child, complaint).await
    }

    /// The output as a flow; its last item is an error when the child failed.
    pub fn output(&self, arguments: &[String]) -> Result<Flow, Fault> {
        let borrowed: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut child = self.start(&borrowed, Stdio::null())?;
        let (stdout, stderr) = ends(&mut child)?;
        let complaint = tokio::spawn(words(stderr));
        let secrets = Program {
            path: self.path.clone(),
            settings: self.settings.clone(),
        };
        let running = Some((child, stdout, complaint, secrets));
        let flow = futures_util::stream::try_unfold(running, async |running| {
            let Some((child, mut stdout, complaint, program)) = running else {
                return Ok(None);
            };
            let mut piece = vec![0; PIECE];
            match timeout(STALL, stdout.read(&mut piece)).await {
                Ok(Ok(0)) => {
                    let ended = program.end(child, complaint).await?;
                    if ended.is_absent() {
                        return Err(mapping("the file does not exist"));
                    }
                    ended.succeeded(&program)?;
                    Ok(None)
                }
                Ok(Ok(read)) => {
                    piece.truncate(read);
                    Ok(Some((
                        Bytes::from(piece),
                        Some((child, stdout, complaint, program)),
                    )))
                }
                Ok(Err(_)) | Err(_) => Err(stood_still()),
            }
        });
        Ok(flow.boxed())
    }

    /// A command that reads `flow`. A fault of the flow kills the child: the end of its input would
    /// look to it like the end of the file.
    pub async fn feed(&self, arguments: &[&str], mut flow: Flow) -> Result<Ended, Fault> {
        let mut child = self.start(arguments, Stdio::piped())?;
        let Some(mut stdin) = child.stdin.take() else {
            return Err(stood_still());
        };
        let (stdout, stderr) = ends(&mut child)?;
        let complaint = tokio::spawn(words(stderr));
        tokio::spawn(words(stdout));
        while let Some(piece) = flow.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(fault) => {
                    let _already_gone = child.kill().await;
                    return Err(fault);
                }
            };
            match timeout(STALL, stdin.write_all(&piece)).await {
                Ok(Ok(())) => {}
                // It has stopped reading: its exit code says why.
                Ok(Err(_)) => break,
                Err(_) => return Err(stood_still()),
            }
        }
        drop(stdin);
        self.end(child, complaint).await
    }

    async fn end(
        &self,
        mut child: Child,
        complaint: tokio::task::JoinHandle<String>,
    ) -> Result<Ended, Fault> {
        let status = timeout(SETTLING, child.wait()).await;
        let status = status.map_err(|_| stood_still())?;
        Ok(Ended {
            code: status.map_err(|_| stood_still())?.code(),
            said: String::new(),
            complaint: complaint.await.unwrap_or_default(),
        })
    }

    /// The last line of the log, without what is secret.
    fn last_complaint(&self, log: &str) -> String {
        let hide: Vec<&str> = self
            .settings
            .values()
            .map(Secret::expose)
            .filter(|value| value.len() > 3)
            .collect();
        let last = log
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("no reason was given");
        let parsed: Option<serde_json::Value> = serde_json::from_str(last).ok();
        let message = parsed
            .as_ref()
            .and_then(|line| line["msg"].as_str())
            .unwrap_or(last);
        quote(message.trim_end_matches(['.', '\n']), &hide)
    }
}

fn ends(child: &mut Child) -> Result<(ChildStdout, ChildStderr), Fault> {
    child
        .stdout
        .take()
        .zip(child.stderr.take())
        .ok_or_else(stood_still)
}

/// The first of what a pipe gives; the rest is read and dropped, so that the child is not held up.
async fn words(mut pipe: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let _what_came_is_kept = (&mut pipe).take(WORDS).read_to_end(&mut kept).await;
    let _dropped = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}

fn stood_still() -> Fault {
    transient("rclone stood still, or ended without a word")
}

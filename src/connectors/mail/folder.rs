//! The mailbox folder of development and the demo: each letter one `.eml` file that any mail
//! program opens. A file appears whole or not at all; the same letter twice is one file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::MailFault;

/// A folder of letters.
pub struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// The folder is made when the first letter comes.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Write one letter; the answer is its path.
    pub(super) async fn write(
        &self,
        message_id: &str,
        bytes: Vec<u8>,
    ) -> Result<String, MailFault> {
        let path = self.folder.join(file_name(message_id));
        let answer = path.display().to_string();
        off_thread(move || put(&path, &bytes)).await?;
        Ok(answer)
    }

    /// Can files be made here?
    pub(super) async fn ping(&self) -> Result<String, MailFault> {
        let probe = self.folder.join(".probe");
        off_thread(move || put(&probe, b"").and_then(|()| fs::remove_file(&probe))).await?;
        Ok(format!("folder {}", self.folder.display()))
    }
}

/// The part before the @ of a Message-ID, in characters that every file system takes.
fn file_name(message_id: &str) -> String {
    let id = message_id.trim_matches(['<', '>']);
    let local = id.split('@').next().unwrap_or_default();
    let safe = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => c,
        _ => '_',
    };
    format!("{}.eml", local.chars().map(safe).collect::<String>())
}

/// Written under another name, made durable, then renamed: readers never see half a letter.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static TURN: AtomicU64 = AtomicU64::new(0);
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    let part = path.with_extension(format!("{}-{turn}.part", std::process::id()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create(&part)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(&part, path)) {
        drop(fs::remove_file(&part));
        return Err(error);
    }
    Ok(())
}

async fn off_thread(
    work: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> Result<(), MailFault> {
    let why = match tokio::task::spawn_blocking(work).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => format!("the mail folder cannot be written to: {error}"),
        Err(_) => "writing to the mail folder was interrupted".to_owned(),
    };
    Err(MailFault::Transient { why })
}

//! Publishing: peak memory over many small files and over one large one, and what a kill in the middle
//! costs. The store is a folder beside the database, so the figures are those of one disk.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::machine::megabytes;
use crate::table::{number, row};

const MIB: u64 = 1024 * 1024;
const LOOK: Duration = Duration::from_millis(5);

/// How much is published.
pub struct Scale {
    files: u64,
    gibibytes: u64,
}

impl Scale {
    /// `FILES:GIBIBYTES`, or small enough for a laptop.
    pub fn parse(text: Option<&str>) -> anyhow::Result<Self> {
        let Some(text) = text else {
            return Ok(Self {
                files: 5_000,
                gibibytes: 1,
            });
        };
        let (files, gibibytes) = text.split_once(':').context("publish:FILES:GIBIBYTES")?;
        Ok(Self {
            files: files.parse()?,
            gibibytes: gibibytes.parse()?,
        })
    }
}

/// Print the table.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    println!("== publish: into a folder, each course killed with SIGKILL in its middle");
    row(&["", "MB", "s", "peak MB", "peak MB", "sent twice"]);
    row(&["", "", "", "before kill", "after it", "MB"]);
    let works = Works::new(scale)?;
    works.measure("small", scale.files * 1024)?;
    works.measure("large", scale.gibibytes * 1024 * MIB)?;
    println!(
        "(small: {} files of 1 KiB; large: one file of {} GiB; s: both runs, without the wait for \
         the dead run's claim)\n",
        scale.files, scale.gibibytes
    );
    Ok(())
}

struct Works {
    folder: TempDir,
}

impl Works {
    fn new(scale: &Scale) -> anyhow::Result<Self> {
        let works = Self {
            folder: tempfile::tempdir()?,
        };
        works.fill(scale)?;
        let source = works.folder.path().join("source");
        fs::write(
            works.path("bursar.toml"),
            format!(
                "mode = \"development\"\ndatabase = \"sqlite:{}\"\n[sources.disk]\npath = \"{}\"\n",
                works.path("bursar.db").display(),
                source.display()
            ),
        )?;
        let course = |slug: &str| {
            format!(
                "[[course]]\nslug = \"{slug}\"\ntitle = \"{slug}\"\nsummary = \"bench\"\n\
                 url = \"https://shop.example/{slug}\"\nprice = 1000\nrights = \"own\"\n\
                 [[course.benefit]]\nkind = \"files\"\nsource = \"disk\"\nfolder = \"{slug}\"\n"
            )
        };
        let catalogue = [course("small"), course("large")].concat();
        fs::write(works.path("catalogue.toml"), catalogue)?;
        let catalogue = works.path("catalogue.toml");
        let catalogue = catalogue.to_str().context("a path that is not text")?;
        for words in [&["migrate"][..], &["catalogue", "import", catalogue]] {
            ensure!(works.bursar(words).status()?.success(), "{words:?} failed");
        }
        Ok(works)
    }

    /// No two pieces alike, so that nothing between us and the disk can leave one out.
    fn fill(&self, scale: &Scale) -> anyhow::Result<()> {
        let small = self.path("source/small");
        for file in 0..scale.files {
            let place = small.join(format!("{:03}", file / 1000));
            fs::create_dir_all(&place)?;
            let mut file_ = File::create(place.join(format!("{file:06}.txt")))?;
            file_.write_all(format!("{file:01024}").as_bytes())?;
        }
        fs::create_dir_all(self.path("source/large"))?;
        let large = File::create(self.path("source/large/film.mp4"))?;
        large.set_len(scale.gibibytes * 1024 * MIB)?;
        for piece in 0..scale.gibibytes * 1024 {
            large.write_all_at(&piece.to_le_bytes(), piece * MIB)?;
        }
        Ok(())
    }

    fn measure(&self, course: &str, bytes: u64) -> anyhow::Result<()> {
        let before = self.sent();
        let first = self.publish(course, |sent| sent - before >= bytes / 2)?;
        let kept = self.sent() - before;
        let second = self.publish(course, |_| false)?;
        let waited = second.waited;
        let sent = kept + second.written;
        row(&[
            course,
            &(bytes / MIB).to_string(),
            &number(
                (first.took + second.took)
                    .saturating_sub(waited)
                    .as_secs_f64(),
            ),
            &number(first.peak),
            &number(second.peak),
            &number(megabytes_of(sent.saturating_sub(bytes))),
        ]);
        Ok(())
    }

    /// Run the command until it ends, or is to be killed.
    fn publish(&self, course: &str, kill: impl Fn(u64) -> bool) -> anyhow::Result<Run> {
        let start = Instant::now();
        let mut child = self
            .bursar(&["content", "publish", course])
            .stderr(Stdio::null())
            .spawn()?;
        let mut run = Run::default();
        let mut idle = true;
        loop {
            run.look(&child);
            if idle && run.written > MIB / 4 {
                (idle, run.waited) = (false, start.elapsed());
            }
            if kill(self.sent()) {
                child.kill()?;
                child.wait()?;
                break;
            }
            if let Some(status) = child.try_wait()? {
                ensure!(status.success(), "publishing {course} failed");
                break;
            }
            std::thread::sleep(LOOK);
        }
        run.took = start.elapsed();
        Ok(run)
    }

    /// Bytes of files in the store, whole and in part.
    fn sent(&self) -> u64 {
        size(&self.path("content"))
    }

    fn bursar(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bursar"));
        command
            .env("BURSAR_CONFIG", self.path("bursar.toml"))
            .env("BURSAR_LOG", "error")
            .stdout(Stdio::null())
            .args(words);
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[derive(Default)]
struct Run {
    took: Duration,
    /// Until it began to write.
    waited: Duration,
    peak: f64,
    written: u64,
}

impl Run {
    fn look(&mut self, child: &Child) {
        let peak = megabytes(child.id(), "VmHWM");
        if peak > self.peak {
            self.peak = peak;
        }
        let io = fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap_or_default();
        let written = io.lines().find_map(|line| line.strip_prefix("wchar: "));
        let written = written.and_then(|number| number.parse().ok());
        self.written = self.written.max(written.unwrap_or(0));
    }
}

fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn megabytes_of(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

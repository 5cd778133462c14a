//! What the machine is, and what processes use of it: read from /proc, so Linux only.

use std::process::Command;
use std::time::Duration;

/// Ticks of /proc/*/stat in a second, on every Linux that Rust's std supports here.
const TICKS: u64 = 100;

/// So that a figure is never quoted without its conditions.
pub fn say_conditions() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_default();
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "machine: {cores} cores ({processor}), {memory}; load before: {}",
        load.trim()
    );
    println!(
        "versions: {}, SQLite {}, bursar {} (release build)",
        said("rustc", &["--version"]),
        rusqlite::version(),
        env!("CARGO_PKG_VERSION"),
    );
    println!("server, database and load generator share these cores\n");
}

/// The first line of what a command says.
pub fn said(command: &str, words: &[&str]) -> String {
    let output = Command::new(command).args(words).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
    text.unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// A figure of /proc/PID/status in MB: `VmRSS` now, `VmHWM` at most.
pub fn megabytes(pid: u32, name: &str) -> f64 {
    let kilobytes = field(&format!("/proc/{pid}/status"), name);
    let number = kilobytes.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    number.unwrap_or(f64::NAN) / 1024.0
}

/// Processor time of a process so far; with its children for a server of many processes.
pub fn processor_time(pid: u32, with_children: bool) -> Duration {
    let mut ticks = stat(pid).map_or(0, |stat| {
        stat.own + if with_children { stat.ended } else { 0 }
    });
    if with_children {
        ticks += processes()
            .filter(|child| child.parent == pid)
            .map(|child| child.own)
            .sum::<u64>();
    }
    Duration::from_millis(ticks * 1000 / TICKS)
}

struct Stat {
    parent: u32,
    /// User and system ticks.
    own: u64,
    /// Those of children that have ended.
    ended: u64,
}

fn processes() -> impl Iterator<Item = Stat> {
    let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    folders.filter_map(|folder| stat(folder.file_name().to_str()?.parse().ok()?))
}

fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold blanks.
    let rest = text.rsplit_once(") ")?.1;
    let numbers: Vec<&str> = rest.split(' ').collect();
    let tick = |index: usize| numbers.get(index)?.parse::<u64>().ok();
    Some(Stat {
        parent: numbers.get(1)?.parse().ok()?,
        own: tick(11)? + tick(12)?,
        ended: tick(13)? + tick(14)?,
    })
}

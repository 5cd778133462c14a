//! SQLite inside the process: one file, one writer thread, a few read-only connections.
//! The file belongs to one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::breaks::BreakPoints;
use super::columns::Columns;
use super::tx::{self, Script, Tx};
use super::{Bell, Counts, Sql, migrate};
use crate::error::Result;

pub(super) mod statement;
mod writer;

use writer::Writer;

/// Room for the statements that are not prepared at start (`BEGIN` and its like).
const SPARE_STATEMENTS: usize = 64;

/// An open file. Dropped from the top: the writer must be the last to close the file, because the
/// last one moves the log into it, which a reader cannot; then the lock goes.
pub(super) struct Lite {
    readers: Arc<Readers>,
    /// `None`: opened for reading, beside the process that has the writer and the lock.
    writer: Option<Writer>,
    _lock: Option<File>,
}

impl Lite {
    /// Open or create the file, take its lock, migrate it, prepare every statement.
    pub(super) fn open(
        path: &Path,
        statements: &[&'static Sql],
        readers: usize,
        bell: Bell,
        counts: Arc<Counts>,
    ) -> anyhow::Result<Self> {
        let path = create(path)?;
        let lock = lock(&path)?;
        let capacity = statements.len() + SPARE_STATEMENTS;
        let mut connection = open_writer(&path, capacity)?;
        migrate::sqlite(&mut connection)?;
        let columns = Arc::new(statement::prepare_all(&connection, statements)?);
        Ok(Self {
            readers: Readers::new(path, capacity, readers, Arc::clone(&columns)),
            writer: Some(Writer::start(connection, columns, bell, counts)?),
            _lock: Some(lock),
        })
    }

    /// Open a file that exists and is up to date for writing, beside the process that has the lock.
    pub(super) fn open_beside(
        path: &Path,
        statements: &[&'static Sql],
        readers: usize,
        bell: Bell,
        counts: Arc<Counts>,
    ) -> anyhow::Result<Self> {
        ensure!(path.exists(), "there is no database at {}", path.display());
        let capacity = statements.len() + SPARE_STATEMENTS;
        let connection = open_writer(path, capacity)?;
        let columns = Arc::new(statement::prepare_all(&connection, statements)?);
        Ok(Self {
            readers: Readers::new(path.to_owned(), capacity, readers, Arc::clone(&columns)),
            writer: Some(Writer::start(connection, columns, bell, counts)?),
            _lock: None,
        })
    }

    /// Open a file that exists, and that another process may be writing to, for reading.
    pub(super) fn open_to_read(
        path: &Path,
        statements: &[&'static Sql],
        readers: usize,
    ) -> anyhow::Result<Self> {
        let capacity = statements.len() + SPARE_STATEMENTS;
        let connection = open_reader(path, capacity)?;
        let columns = Arc::new(statement::prepare_all(&connection, statements)?);
        Ok(Self {
            readers: Readers::new(path.to_owned(), capacity, readers, columns),
            writer: None,
            _lock: None,
        })
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        script: impl Script<T>,
        breaks: BreakPoints,
    ) -> Result<T> {
        let writer = self.writer.as_ref();
        let writer = writer.ok_or_else(|| anyhow!("the database was opened for reading only"))?;
        writer.write(script, breaks).await
    }

    pub(super) async fn read<T: Send + 'static>(&self, script: impl Script<T>) -> Result<T> {
        let readers = Arc::clone(&self.readers);
        let seat = Arc::clone(&readers.seats).acquire_owned().await?;
        tokio::task::spawn_blocking(move || {
            let result = readers.read(script);
            drop(seat);
            result
        })
        .await?
    }
}

/// The read-only connections, opened as they are needed.
struct Readers {
    path: PathBuf,
    capacity: usize,
    columns: Arc<Columns>,
    idle: Mutex<Vec<Connection>>,
    seats: Arc<Semaphore>,
}

impl Readers {
    fn new(path: PathBuf, capacity: usize, most: usize, columns: Arc<Columns>) -> Arc<Self> {
        Arc::new(Self {
            path,
            capacity,
            columns,
            idle: Mutex::default(),
            seats: Arc::new(Semaphore::new(most)),
        })
    }

    /// One snapshot for the whole script.
    fn read<T>(&self, script: impl Script<T>) -> Result<T> {
        let mut connection = self.take()?;
        connection.execute_batch("BEGIN")?;
        let result = tx::run_at_once(&mut Tx::lite(&mut connection, &self.columns), script);
        connection.execute_batch("ROLLBACK")?;
        self.idle().push(connection);
        result
    }

    fn take(&self) -> anyhow::Result<Connection> {
        let idle = self.idle().pop();
        idle.map_or_else(|| open_reader(&self.path, self.capacity), Ok)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Make the folder and the file, so that only the owner can read what buyers wrote; the real path.
fn create(path: &Path) -> anyhow::Result<PathBuf> {
    let what = || format!("opening the database {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(what)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).with_context(what)?;
    std::fs::canonicalize(path).with_context(what)
}

/// Two processes on one file would each believe that the other's leases and bell do not exist.
fn lock(path: &Path) -> anyhow::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = File::create(&name).with_context(|| format!("creating {}", name.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "the database {} is in use by another process: stop that one first, or use PostgreSQL for more than one",
            path.display()
        ),
        Err(TryLockError::Error(e)) => {
            Err(e).with_context(|| format!("locking {}", name.display()))
        }
    }
}

fn open_writer(path: &Path, capacity: usize) -> anyhow::Result<Connection> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, capacity)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    ensure!(
        mode == "wal",
        "{} cannot keep a write-ahead log (journal mode {mode}): is it on a network drive?",
        path.display()
    );
    // FULL: with NORMAL a power cut loses payments that were already acknowledged.
    // The size limit gives the disk back after a burst.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(connection)
}

fn open_reader(path: &Path, capacity: usize) -> anyhow::Result<Connection> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, capacity)
}

fn connect(path: &Path, access: OpenFlags, capacity: usize) -> anyhow::Result<Connection> {
    // No mutex: a connection is only ever in one thread's hands.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .with_context(|| format!("opening the database {}", path.display()))?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(capacity);
    // Else SQLite makes a new plan at every run of a statement that compares a column of some partial
    // index's condition with a parameter, as every guarded update of a state does. The price: only a
    // condition that is written out in a statement lets it use such an index.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

//! The two databases, and nothing of ours: open, migrate, read, write, ring the bell.
//! Transaction scripts elsewhere are written once over `Tx`. `Db::write` is the only way to write.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail, ensure};
use futures_util::future::BoxFuture;

use crate::clock::{Clock, Timestamp};
use crate::error::Result;

mod bell;
mod breaks;
mod columns;
pub mod dialect;
mod lite;
mod migrate;
mod pg;
mod row;
mod tx;

pub use bell::{Bell, Listener};
pub use breaks::Breaks;
pub use dialect::{Kind, Sql};
pub use row::{Arg, FromArg, Row};
pub use tx::Tx;

use breaks::BreakPoints;

/// How many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOptions {
    /// PostgreSQL: most connections of this process, beside the two it keeps for the bell.
    pub connections: usize,
    /// SQLite: most reads at once.
    pub readers: usize,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            connections: 16,
            readers: 4,
        }
    }
}

/// A database. Clones share it; it closes with the last of them.
#[derive(Clone)]
pub struct Db {
    engine: Engine,
    bell: Bell,
    breaks: BreakPoints,
    counts: Arc<Counts>,
}

#[derive(Clone)]
enum Engine {
    Lite(Arc<lite::Lite>),
    Pg(Arc<pg::Pg>),
}

/// Writes so far, and the commits that carried them: on SQLite one commit carries many.
#[derive(Debug, Default)]
struct Counts {
    writes: AtomicU64,
    commits: AtomicU64,
}

/// What a database has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Writes that were run, with or without success.
    pub writes: u64,
    /// Commits that succeeded.
    pub commits: u64,
}

impl Db {
    /// Open `sqlite:PATH` or `postgres://…`, migrate it, prepare every statement given.
    pub async fn open(url: &str, statements: &[&'static Sql]) -> anyhow::Result<Self> {
        Self::open_with(url, statements, OpenOptions::default()).await
    }

    /// [`Db::open`] with a say in the number of connections.
    pub async fn open_with(
        url: &str,
        statements: &[&'static Sql],
        options: OpenOptions,
    ) -> anyhow::Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            Self::open_sqlite(path, statements, options).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::open_postgres(url, statements, options).await
        } else {
            bail!("a database is sqlite:PATH or postgres://user:password@host/name")
        }
    }

    /// Open for reading only, beside a server that may be running: the way of commands that show
    /// something. It neither creates nor migrates; a SQLite file is not locked, and every write is
    /// an error there. On PostgreSQL any process may open at any time, so it is [`Db::open`].
    pub async fn open_to_read(url: &str, statements: &[&'static Sql]) -> anyhow::Result<Self> {
        let options = OpenOptions::default();
        let Some(path) = url.strip_prefix("sqlite:") else {
            return Self::open_with(url, statements, options).await;
        };
        let (path, statements) = (existing(path)?, statements.to_vec());
        let open = move || lite::Lite::open_to_read(&path, &statements, options.readers);
        let lite = tokio::task::spawn_blocking(open).await??;
        let engine = Engine::Lite(Arc::new(lite));
        Ok(Self::over(engine, Bell::local(), Arc::default()))
    }

    /// Open for reading and writing beside a server that may be running: the way of commands that
    /// change something. It neither creates nor migrates and takes no lock; SQLite itself keeps the
    /// two writers apart. The server hears no bell, and finds new work by its next look.
    pub async fn open_beside(url: &str, statements: &[&'static Sql]) -> anyhow::Result<Self> {
        let options = OpenOptions::default();
        let Some(path) = url.strip_prefix("sqlite:") else {
            return Self::open_with(url, statements, options).await;
        };
        let (bell, counts) = (Bell::local(), Arc::<Counts>::default());
        let open = {
            let (bell, counts) = (bell.clone(), Arc::clone(&counts));
            let (path, statements) = (existing(path)?, statements.to_vec());
            move || lite::Lite::open_beside(&path, &statements, options.readers, bell, counts)
        };
        let lite = tokio::task::spawn_blocking(open).await??;
        Ok(Self::over(Engine::Lite(Arc::new(lite)), bell, counts))
    }

    async fn open_sqlite(
        path: &str,
        statements: &[&'static Sql],
        options: OpenOptions,
    ) -> anyhow::Result<Self> {
        let (bell, counts) = (Bell::local(), Arc::<Counts>::default());
        let open = {
            let (bell, counts) = (bell.clone(), Arc::clone(&counts));
            let (path, statements) = (file_path(path)?, statements.to_vec());
            move || lite::Lite::open(&path, &statements, options.readers, bell, counts)
        };
        let lite = tokio::task::spawn_blocking(open).await??;
        Ok(Self::over(Engine::Lite(Arc::new(lite)), bell, counts))
    }

    async fn open_postgres(
        url: &str,
        statements: &[&'static Sql],
        options: OpenOptions,
    ) -> anyhow::Result<Self> {
        let counts = Arc::<Counts>::default();
        let pg = pg::Pg::open(url, statements, options.connections, Arc::clone(&counts))
            .await
            .context("opening the PostgreSQL database")?;
        let bell = pg.bell().clone();
        Ok(Self::over(Engine::Pg(Arc::new(pg)), bell, counts))
    }

    fn over(engine: Engine, bell: Bell, counts: Arc<Counts>) -> Self {
        Self {
            engine,
            bell,
            counts,
            breaks: BreakPoints::default(),
        }
    }

    /// Test equipment: the same database, whose writes through this handle ask `breaks` whether to die.
    #[must_use]
    pub fn with_breaks(&self, breaks: Arc<dyn Breaks>) -> Self {
        Self {
            breaks: BreakPoints(Some(breaks)),
            ..self.clone()
        }
    }

    /// Run a script in one write transaction and commit it; any error rolls it back.
    /// The answer comes only after the commit is durable. A script is database work only, so one that
    /// PostgreSQL stopped because it and another waited for each other is run again from its beginning.
    pub async fn write<T, F>(&self, script: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T>> + Clone + Send + 'static,
    {
        let breaks = self.breaks.clone();
        match &self.engine {
            Engine::Lite(lite) => lite.write(script, breaks).await,
            Engine::Pg(pg) => pg.write(script, breaks).await,
        }
    }

    /// Run a script that only reads, on a connection of its own and from one snapshot.
    pub async fn read<T, F>(&self, script: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        match &self.engine {
            Engine::Lite(lite) => lite.read(script).await,
            Engine::Pg(pg) => pg.read(script).await,
        }
    }

    /// What tells workers that there is work.
    #[must_use]
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// The database's own clock; SQLite has none but the machine's.
    pub async fn now(&self) -> Result<Timestamp> {
        match &self.engine {
            Engine::Lite(_) => Ok(Clock::system().now()),
            Engine::Pg(pg) => pg.now().await,
        }
    }

    /// Which database it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match &self.engine {
            Engine::Lite(_) => Kind::Sqlite,
            Engine::Pg(_) => Kind::Postgres,
        }
    }

    /// Health: an empty write transaction, all the way. It changes nothing and never breaks.
    pub async fn ping(&self) -> Result<()> {
        let healthy = Self {
            breaks: BreakPoints::default(),
            ..self.clone()
        };
        healthy.write(|_| Box::pin(async { Ok(()) })).await
    }

    /// What it has done so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally {
            writes: self.counts.writes.load(Ordering::Relaxed),
            commits: self.counts.commits.load(Ordering::Relaxed),
        }
    }
}

/// The file of a database that was made before.
fn existing(path: &str) -> anyhow::Result<PathBuf> {
    let path = file_path(path)?;
    ensure!(
        path.try_exists()?,
        "there is no database at {} yet; `bursar migrate` makes one",
        path.display()
    );
    Ok(path)
}

/// What follows `sqlite:`; `sqlite:///path` is understood too.
fn file_path(path: &str) -> anyhow::Result<PathBuf> {
    let path = path.strip_prefix("//").unwrap_or(path);
    ensure!(
        !path.is_empty() && !path.starts_with(':'),
        "sqlite: needs the path of a file; a database in memory would lose payments"
    );
    Ok(PathBuf::from(path))
}

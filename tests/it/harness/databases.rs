//! Fresh databases for tests, migrated, of both kinds. The PostgreSQL server comes from `./test`,
//! through `BURSAR_TEST_POSTGRES`; a test that finds none fails: both databases, always.

use std::sync::atomic::{AtomicU32, Ordering};

use bursar::db::{Db, Kind, Sql};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, Config, NoTls};

/// Both kinds, the default first.
pub const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

/// Run a test on a fresh database of each kind.
pub async fn each(test: impl AsyncFn(Db)) {
    each_scratch(async |scratch| test(scratch.open().await).await).await;
}

/// Run a test on the scratch space of each kind: for tests that open the database themselves.
pub async fn each_scratch(test: impl AsyncFn(&Scratch)) {
    for kind in KINDS {
        // Shown when the test fails: which database it was.
        eprintln!("on {kind:?}");
        test(&fresh(kind).await).await;
    }
}

/// A migrated database that nobody else uses. It is dropped with this.
pub struct Scratch {
    /// For `Db::open` or `--database`.
    pub url: String,
    pub kind: Kind,
    _guard: Guard,
}

impl Scratch {
    /// Open it, with no statement to prepare.
    pub async fn open(&self) -> Db {
        self.open_with(&[]).await
    }

    /// Open it as the server would, with the statements of the modules under test.
    pub async fn open_with(&self, statements: &[&'static Sql]) -> Db {
        Db::open(&self.url, statements).await.unwrap()
    }
}

enum Guard {
    /// Held for its `Drop`.
    Folder {
        _folder: TempDir,
    },
    Database {
        name: String,
    },
}

/// A fresh database of one kind.
pub async fn fresh(kind: Kind) -> Scratch {
    match kind {
        Kind::Sqlite => fresh_sqlite(),
        Kind::Postgres => fresh_postgres().await,
    }
}

fn fresh_sqlite() -> Scratch {
    sqlite_in(tempfile::tempdir().unwrap())
}

/// A SQLite database that need not outlive anything: in memory, where the machine has a folder there.
pub fn fresh_in_memory() -> Scratch {
    sqlite_in(folder(true))
}

/// A folder of its own, in memory where that is asked for and the machine has such a place.
pub fn folder(in_memory: bool) -> TempDir {
    if in_memory && let Ok(folder) = tempfile::tempdir_in("/dev/shm") {
        return folder;
    }
    tempfile::tempdir().unwrap()
}

fn sqlite_in(folder: TempDir) -> Scratch {
    Scratch {
        url: format!("sqlite:{}", folder.path().join("bursar.db").display()),
        kind: Kind::Sqlite,
        _guard: Guard::Folder { _folder: folder },
    }
}

async fn fresh_postgres() -> Scratch {
    // Copying a migrated database is much faster than migrating each.
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let template = TEMPLATE.get_or_init(migrated_template).await;
    let name = unique_name("test");
    admin(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    Scratch {
        url: url_of(&name),
        kind: Kind::Postgres,
        _guard: Guard::Database { name },
    }
}

/// It stays on the server when the tests end; the server of `./test` goes as a whole.
async fn migrated_template() -> String {
    let name = unique_name("template");
    admin(&format!("CREATE DATABASE {name}")).await;
    drop(Db::open(&url_of(&name), &[]).await.unwrap());
    // From now on nobody can connect, and copying never has to wait for somebody to leave.
    admin(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    admin(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    ))
    .await;
    name
}

fn unique_name(purpose: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("bursar_{purpose}_{}_{count}", std::process::id())
}

fn server_url() -> String {
    std::env::var("BURSAR_TEST_POSTGRES").expect(
        "BURSAR_TEST_POSTGRES is not set: run the tests through ./test, which starts a private PostgreSQL server",
    )
}

/// The server's address with another database's name.
fn url_of(database: &str) -> String {
    let url = server_url();
    let (server, _) = url
        .rsplit_once('/')
        .expect("BURSAR_TEST_POSTGRES has the form postgres://user@host:port/postgres");
    format!("{server}/{database}")
}

/// Run one statement on the server's own database.
pub async fn admin(statement: &str) {
    let config: Config = server_url().parse().unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    run(client, statement).await;
    driver.await.unwrap().unwrap();
}

async fn run(client: Client, statement: &str) {
    client.batch_execute(statement).await.unwrap();
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Self::Database { name } = self {
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            // A thread of its own: a runtime cannot be entered from within another.
            let dropping = std::thread::spawn(move || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap()
                    .block_on(admin(&statement));
            });
            if dropping.join().is_err() {
                eprintln!("could not drop the scratch database {name}");
            }
        }
    }
}

//! The measurements that README quotes, each a ratio against a reference in the same run:
//! `cargo bench --bench measure -- NAME`. README.md here says what each measures and against what.
//! They start the release binary as a user would; nothing here reaches into a running server. Only
//! `matching` needs none.
#![expect(
    clippy::print_stdout,
    reason = "a benchmark is a program whose answer is a table"
)]

use anyhow::bail;

#[path = "../tests/it/corpus/mod.rs"]
mod corpus;
mod download;
mod http;
mod latency;
mod load;
mod machine;
mod matching;
mod memory;
mod postgres;
mod publish;
mod purchases;
mod reference;
mod server;
mod settle;
mod start;
mod store;
mod table;

fn main() -> anyhow::Result<()> {
    // cargo itself passes `--bench`.
    let mut names: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if names.is_empty() {
        names = [
            "purchases",
            "settle",
            "latency",
            "memory",
            "start",
            "matching",
            "download",
        ]
        .map(str::to_owned)
        .to_vec();
    }
    machine::say_conditions();
    for name in &names {
        match name.as_str() {
            "purchases" => {
                purchases::run(server::Kind::Postgres)?;
                purchases::run(server::Kind::Sqlite)?;
            }
            "purchases-postgres" => purchases::run(server::Kind::Postgres)?,
            "purchases-sqlite" => purchases::run(server::Kind::Sqlite)?,
            "settle" => settle::run()?,
            "latency" => latency::run()?,
            "memory" => memory::run()?,
            "start" => start::run()?,
            "matching" => matching::run()?,
            "download" => download::run()?,
            publish if publish.split(':').next() == Some("publish") => {
                let scale = publish.split_once(':').map(|(_, scale)| scale);
                publish::run(&publish::Scale::parse(scale)?)?;
            }
            other => bail!(
                "no measurement called {other:?}: there are purchases, purchases-postgres, \
                 purchases-sqlite, settle, latency, memory, start, matching, download and publish"
            ),
        }
    }
    Ok(())
}

//! The `bursar` command.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    bursar::cli::run().await
}

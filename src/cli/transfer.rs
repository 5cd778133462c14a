//! `transfer list`, `show`, and the decisions about one that waits.

use clap::Subcommand;

use super::Place;

mod decide;
mod listed;
mod show;

/// What to do with transfers. One is named by its id, a beginning of it, or its bank's reference.
#[derive(Debug, Subcommand)]
pub enum Transfer {
    /// Print the transfers that wait for a person, and the messages nobody could read, oldest first.
    List(listed::List),
    /// Print all of one transfer, and for one that waits the likely orders with the commands to give it.
    Show {
        /// The transfer.
        id: String,
    },
    #[command(flatten)]
    Decide(decide::Decide),
}

impl Transfer {
    pub(super) async fn run(&self, place: &Place) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run(place).await,
            Self::Show { id } => show::run(place, id).await,
            Self::Decide(decision) => decision.run(place).await,
        }
    }
}

//! Where the buyer gets files: Bursar's own download server, reached by signed links (the server
//! itself is a door, `web/downloads`), and the seller's own Google Drive.

pub mod drive;
pub mod links;

//! Where the buyer gets files. Today one destination: Bursar's own download server, reached by
//! signed links. The server itself is a door, `web/downloads`.

pub mod links;

//! The download server. The door checks the link and the right, opens the file, and answers with
//! [`respond::respond`].

pub mod conditions;
pub mod door;
pub mod landing;
pub mod names;
pub mod respond;

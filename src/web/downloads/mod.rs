//! Being written.
pub mod landing;

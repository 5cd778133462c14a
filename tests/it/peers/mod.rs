//! The vendors' own libraries against our connectors and our fakes. They have to be installed, so
//! these tests run only when they are asked for: `./test --peers`.

mod drive;
mod s3;
mod stripe;

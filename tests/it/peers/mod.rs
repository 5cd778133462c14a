//! Other people's programs against our connectors, our fakes and our files. They have to be
//! installed, so these tests run only when they are asked for: `./test --peers`.

mod archives;
mod drive;
mod s3;
mod stamps;
mod stripe;

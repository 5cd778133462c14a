//! Places that hold files, one by one and by their contract.

mod folder;

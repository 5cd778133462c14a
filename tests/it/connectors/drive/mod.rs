//! Google Drive: signing in, what its answers mean, files, readers and uploads, against the fake.

mod files;
mod people;
mod signing_in;
mod table;
mod uploads;

use std::time::Duration;

use bursar::clock::{Clock, Timestamp};
use bursar::connectors::Fault;
use bursar::connectors::destinations::drive::fake::{
    Account, FakeDrive, FakeDriveOptions, SHARED_DRIVE,
};
use bursar::connectors::destinations::drive::{Drive, NewFile, NewFolder, Trouble};
use bursar::connectors::http::Limits;
use md5::{Digest, Md5};

/// 2026-11-21T00:00:00Z.
const START: Timestamp = Timestamp(1_795_219_200_000);
const KEY: &str = include_str!("../../../fixtures/drive/service_account.json");

/// Long enough for an answer from this machine, short enough to wait for in vain.
const IMPATIENT: Limits = Limits {
    connect: Duration::from_millis(300),
    total: Duration::from_millis(300),
    body: 4 * 1024 * 1024,
};

/// A fake, its clock, and a patient client of it.
async fn drive() -> (FakeDrive, Clock, Drive) {
    drive_with(FakeDriveOptions::default()).await
}

async fn drive_with(options: FakeDriveOptions) -> (FakeDrive, Clock, Drive) {
    let clock = Clock::still(START);
    let options = FakeDriveOptions {
        clock: clock.clone(),
        ..options
    };
    let fake = FakeDrive::start(options).await.unwrap();
    let drive = Drive::connect(&fake.settings(), clock.clone()).unwrap();
    (fake, clock, drive)
}

fn service_account() -> Account {
    Account::ServiceAccount {
        key: KEY.to_owned(),
    }
}

async fn folder(drive: &Drive, name: &str) -> NewFolder {
    NewFolder {
        id: drive.reserve_ids(1).await.unwrap().remove(0),
        name: name.to_owned(),
        parent: drive.top().to_owned(),
    }
}

/// A folder, made.
async fn made(drive: &Drive, name: &str) -> String {
    let new = folder(drive, name).await;
    drive.make_folder(&new).await.unwrap().id
}

async fn file(drive: &Drive, name: &str, parent: &str, bytes: &[u8]) -> NewFile {
    NewFile {
        id: drive.reserve_ids(1).await.unwrap().remove(0),
        name: name.to_owned(),
        parent: parent.to_owned(),
        mime: "video/mp4".to_owned(),
        size: bytes.len() as u64,
        md5: hex::encode(Md5::digest(bytes)),
    }
}

/// Bytes that are nowhere alike.
fn content(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = |state: &mut u64| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 24).to_le_bytes()[0]
    };
    (0..length).map(|_| next(&mut state)).collect()
}

fn fault(trouble: Trouble) -> Fault {
    trouble.into_fault()
}

//! moto, a server that speaks S3's language and that others wrote, against our store: parts and their
//! `ETags`, ranges, addresses that are signed. It accepts every signature, so it judges none.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bursar::config::{Secret, StoreConnection};
use bursar::connectors::stores::{Proof, Store, canary, connect};

use crate::connectors::stores::every_store::{
    a_file_lives_and_dies, a_large_file_is_proven_and_read_in_ranges, parcel,
    what_is_cut_off_does_not_appear,
};

struct Moto {
    process: Child,
    address: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may be gone already; there is nothing else to do about it.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Started on a free port, which it tells.
fn moto() -> Moto {
    let program = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/peers/moto/.venv/bin/moto_server"
    );
    let mut process = Command::new(program)
        .args(["-H", "127.0.0.1", "-p", "0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
    let address = said
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.split("Running on ").nth(1).map(str::to_owned))
        .expect("moto says where it runs");
    // Whoever writes into a pipe that nobody reads stands still.
    std::thread::spawn(move || said.for_each(drop));
    Moto {
        process,
        address: address.trim().to_owned(),
    }
}

fn settings(moto: &Moto) -> StoreConnection {
    StoreConnection {
        kind: "s3".to_owned(),
        bucket: "lectures".to_owned(),
        path: "khoá học".to_owned(),
        endpoint: moto.address.clone(),
        region: "us-east-1".to_owned(),
        account: "AKIAEXAMPLE".to_owned(),
        secret: Some(Secret::new("secret of the peer")),
        ..StoreConnection::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs python and the server of tests/peers/moto: ./test --peers"]
async fn a_server_of_others_takes_our_parts_and_proves_them() {
    let moto = moto();
    let client = bursar::connectors::http().unwrap();
    let bucket = format!("{}/lectures", moto.address);
    let missing = connect(&settings(&moto)).unwrap().ping().await.unwrap_err();
    assert!(missing.to_string().contains("lectures"), "{missing}");
    let made = client.put(&bucket).send().await.unwrap();
    assert_eq!(made.status(), 200);

    let store = connect(&settings(&moto)).unwrap();
    assert_eq!(store.abilities().proof, Proof::Md5);
    let told = canary::try_out(store.as_ref(), "bursar-canary-1", true).await;
    assert!(told.unwrap().contains("its content proven"));
    a_file_lives_and_dies(store.as_ref()).await;
    a_large_file_is_proven_and_read_in_ranges(store.as_ref()).await;
    what_is_cut_off_does_not_appear(store.as_ref()).await;
    presigned(store.as_ref()).await;
}

async fn presigned(store: &dyn Store) {
    let path = "khóa/bài 1.txt";
    store.put(parcel(path, b"0123456789")).await.unwrap();
    let life = Duration::from_mins(10);
    let url = store.presign(path, "bài 1.txt", life).await.unwrap();
    let client = bursar::connectors::http().unwrap();
    let request = client.get(url.unwrap()).header("range", "bytes=2-4");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 206);
    let saved = answer.headers()["content-disposition"].to_str().unwrap();
    assert!(
        saved.contains("filename*=UTF-8''b%C3%A0i%201%2Etxt"),
        "{saved}"
    );
    assert_eq!(answer.text().await.unwrap(), "234");
    store.remove(path).await.unwrap();
}

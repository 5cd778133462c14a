//! Try a store out: what `doctor` does, and nothing that stays.

use bytes::Bytes;
use futures_util::{TryStreamExt, stream};

use super::{Fault, Parcel, Proof, Store, transient};

const CONTENT: &[u8] = b"Bursar was here; this file may be deleted.\n";

/// Ask where it is; if `writes`, write a small file called `name`, read it back and remove it.
pub async fn try_out(store: &dyn Store, name: &str, writes: bool) -> Result<String, Fault> {
    let place = store.ping().await?;
    if !writes {
        return Ok(place);
    }
    let tried = write_and_read(store, name).await;
    let removed = store.remove(name).await;
    let proof = tried?;
    removed?;
    let proof = match proof {
        Proof::Md5 => "content",
        Proof::Size => "size",
    };
    Ok(format!(
        "{place}; a file was written, read and removed, its {proof} proven"
    ))
}

async fn write_and_read(store: &dyn Store, name: &str) -> Result<Proof, Fault> {
    let body = stream::iter([Ok(Bytes::from_static(CONTENT))]);
    let entry = store
        .put(Parcel {
            path: name.to_owned(),
            size: CONTENT.len() as u64,
            md5: None,
            from: 0,
            body: Box::pin(body),
        })
        .await?;
    let pieces: Vec<Bytes> = store.open(&entry, None).await?.try_collect().await?;
    if pieces.concat() != CONTENT {
        return Err(transient("what was written came back as another content"));
    }
    Ok(if entry.md5.is_some() {
        Proof::Md5
    } else {
        Proof::Size
    })
}

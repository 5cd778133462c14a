//! Writing into a folder: to a hidden name beside the file's own, forced to the disk, then renamed.
//! What an interrupted write left stays under the hidden name, and is gone on with.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt;
use md5::{Digest, Md5};
use tokio::io::AsyncWriteExt;

use super::{
    Entry, Fault, Folder, Parcel, entry, find, io_fault, off_the_async_threads, real_root, resolve,
};
use crate::connectors::stores::names::{is_plain_path, waiting};
use crate::connectors::stores::{Flow, PIECE, mapping, transient};

pub(super) async fn partial(folder: &Folder, path: &str) -> Result<u64, Fault> {
    let (root, path) = (folder.root.clone(), path.to_owned());
    off_the_async_threads(move || match part_of(&root, &path)?.metadata() {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(io_fault(&error, &path)),
    })
    .await
}

pub(super) async fn put(folder: &Folder, parcel: Parcel) -> Result<Entry, Fault> {
    let Parcel {
        path,
        size,
        md5,
        from,
        body,
    } = parcel;
    let part = begin(folder, &path, from).await?;
    write(part, body, from, size, &path).await?;
    let root = folder.root.clone();
    off_the_async_threads(move || {
        // A power cut may have left holes in what was there before.
        let read_back = (from > 0).then(|| digest(&root, &path)).transpose()?;
        if md5.is_some() && read_back.is_some() && md5 != read_back {
            discard(&root, &path)?;
            let why = format!("what was kept of {path:?} was damaged, and is thrown away");
            return Err(transient(&why));
        }
        finish(&root, &path)?;
        match find(&root, &path)? {
            Some((_, metadata)) => Ok(Entry {
                md5: read_back,
                ..entry(path, &metadata)
            }),
            None => Err(transient(&format!("{path:?} was written and is not there"))),
        }
    })
    .await
}

pub(super) async fn remove(folder: &Folder, path: &str) -> Result<(), Fault> {
    let (folder, path) = (folder.clone(), path.to_owned());
    off_the_async_threads(move || {
        let part = part_of(&folder.root, &path)?;
        if folder.is_to_be_made() {
            return Ok(());
        }
        absent(std::fs::remove_file(part), &path)?;
        match find(&folder.root, &path)? {
            Some((place, _)) => absent(std::fs::remove_file(place), &path),
            None => Ok(()),
        }
    })
    .await
}

fn part_of(root: &Path, path: &str) -> Result<PathBuf, Fault> {
    if !is_plain_path(path) {
        return Err(mapping(&format!("{path:?} is not a usable path")));
    }
    Ok(root.join(waiting(path)))
}

/// Open for the bytes from `from` on; the folders to it are made.
async fn begin(folder: &Folder, path: &str, from: u64) -> Result<tokio::fs::File, Fault> {
    let (folder, path) = (folder.clone(), path.to_owned());
    let file = off_the_async_threads(move || {
        let fault = |error: io::Error| io_fault(&error, &path);
        part_of(&folder.root, &path)?;
        if folder.on_demand {
            std::fs::create_dir_all(&folder.root).map_err(fault)?;
        }
        let root = real_root(&folder.root)?;
        let part = part_of(&root, &path)?;
        if let Some(place) = part.parent() {
            std::fs::create_dir_all(place).map_err(fault)?;
            resolve(&root, place, &path)?;
        }
        let mut options = File::options();
        options.write(true).create(true);
        let file = if from == 0 {
            options.truncate(true).open(&part).map_err(fault)?
        } else {
            options.append(true).open(&part).map_err(fault)?
        };
        let kept = file.metadata().map_err(fault)?.len();
        if kept == from {
            Ok(file)
        } else {
            let why = format!("{path:?} has {kept} bytes, not {from}, from before");
            Err(transient(&why))
        }
    });
    let mut file = tokio::fs::File::from_std(file.await?);
    file.set_max_buf_size(PIECE);
    Ok(file)
}

/// All of `body`, forced to the disk; its length was promised.
async fn write(
    mut file: tokio::fs::File,
    mut body: Flow,
    from: u64,
    size: u64,
    path: &str,
) -> Result<(), Fault> {
    let fault = |error: io::Error| io_fault(&error, path);
    let mut at = from;
    let ended = loop {
        let piece = match body.try_next().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break Ok(()),
            Err(fault) => break Err(fault),
        };
        at += piece.len() as u64;
        if at > size {
            break Ok(());
        }
        file.write_all(&piece).await.map_err(fault)?;
    };
    // Whatever the end: a write that is still under way would change what `partial` says next.
    file.flush().await.map_err(fault)?;
    ended?;
    if at != size {
        return Err(transient(&format!(
            "{path:?} was to have {size} bytes and has another number"
        )));
    }
    file.sync_all().await.map_err(fault)
}

fn finish(root: &Path, path: &str) -> Result<(), Fault> {
    let fault = |error: io::Error| io_fault(&error, path);
    let (root, part) = (real_root(root)?, part_of(root, path)?);
    std::fs::rename(&part, root.join(path)).map_err(fault)?;
    // The new name is durable with its folder.
    let folder = part.parent().unwrap_or(&root);
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(fault)
}

fn digest(root: &Path, path: &str) -> Result<String, Fault> {
    let fault = |error: io::Error| io_fault(&error, path);
    let mut file = File::open(part_of(root, path)?).map_err(fault)?;
    let mut sum = Md5::new();
    let mut piece = vec![0; PIECE];
    loop {
        let read = io::Read::read(&mut file, &mut piece).map_err(fault)?;
        if read == 0 {
            return Ok(hex::encode(sum.finalize()));
        }
        sum.update(&piece[..read]);
    }
}

fn discard(root: &Path, path: &str) -> Result<(), Fault> {
    absent(std::fs::remove_file(part_of(root, path)?), path)
}

fn absent(removed: io::Result<()>, path: &str) -> Result<(), Fault> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_fault(&error, path)),
        _ => Ok(()),
    }
}

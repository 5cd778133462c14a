//! One table put into the settings file: everything else in it stays as it is, comments and order
//! included. The file is replaced in one step, so that nobody ever reads half of it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use tempfile::NamedTempFile;
use toml_edit::{DocumentMut, Item, Table};

/// For the owner alone.
const PRIVATE: u32 = 0o600;

/// A settings file, read.
pub(super) struct SettingsFile {
    /// Behind links: the file itself is replaced, never the link.
    path: PathBuf,
    document: DocumentMut,
}

impl SettingsFile {
    /// One that is not there yet is empty.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e).with_context(|| format!("reading {}", path.display())),
        };
        // The error of the library quotes the line, which may be a secret's.
        let document = text.parse::<DocumentMut>().map_err(|e| {
            let line = e
                .span()
                .map_or(0, |at| text[..at.start].matches('\n').count() + 1);
            anyhow::anyhow!(
                "{}, line {line}, is not TOML: {}",
                path.display(),
                e.message()
            )
        })?;
        Ok(Self { path, document })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// There is a table of this name in this section.
    pub fn has(&self, section: &str, name: &str) -> bool {
        let section = self.document.get(section).and_then(Item::as_table_like);
        section.is_some_and(|section| section.contains_key(name))
    }

    /// Put a table below a section, in the place of the one that was there. `remark` stands above it.
    pub fn put(
        &mut self,
        section: &str,
        name: &str,
        mut table: Table,
        remark: &str,
    ) -> anyhow::Result<()> {
        table.decor_mut().set_prefix(format!("\n{remark}"));
        let parent = self.document.entry(section).or_insert_with(|| {
            let mut section = Table::new();
            section.set_implicit(true);
            section.into()
        });
        let parent = parent.as_table_mut().with_context(|| {
            format!("{section} is written as {section} = {{…}}; write it as [{section}.NAME]")
        })?;
        parent.remove(name);
        parent.insert(name, table.into());
        Ok(())
    }

    /// `private`: a secret was put into it.
    pub fn write(&self, private: bool) -> anyhow::Result<()> {
        replace(&self.path, &self.document.to_string(), private)
            .with_context(|| format!("writing {}", self.path.display()))
    }
}

/// Beside it first, flushed, with the owner and rights it shall have, then in its place.
pub(super) fn replace(path: &Path, text: &str, private: bool) -> anyhow::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // Made readable for its owner alone.
    let mut beside = NamedTempFile::new_in(folder)?;
    beside.write_all(text.as_bytes())?;
    if let Ok(before) = fs::metadata(path) {
        ensure!(before.is_file(), "it is no file");
        let now = beside.as_file().metadata()?;
        if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
            // A server that runs as another user must still be able to read it.
            std::os::unix::fs::fchown(beside.as_file(), Some(before.uid()), Some(before.gid()))
                .context("it belongs to somebody else; call this as its owner")?;
        }
        let rights = if private {
            PRIVATE
        } else {
            before.permissions().mode() & 0o777
        };
        beside
            .as_file()
            .set_permissions(fs::Permissions::from_mode(rights))?;
    }
    beside.as_file().sync_all()?;
    beside.persist(path)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

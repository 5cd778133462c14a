//! Which names a buyer can be given: the same on every system, visible, and never on the way out of
//! the folder.

use super::{Fault, mapping};

/// What file managers leave behind without hiding it from everybody.
const LITTER: [&str; 3] = ["Thumbs.db", "desktop.ini", "__MACOSX"];

/// Neither empty, hidden nor `..`, and the same single name on every system.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(|c: char| c.is_control() || c == '\\' || c == '/')
}

/// Every part is a plain name.
#[must_use]
pub fn is_plain_path(path: &str) -> bool {
    path.split('/').all(is_plain)
}

/// `text` as a relative path whose every part is a plain, visible name.
/// `.` is the whole store, as the catalogue writes it.
pub(super) fn plain_path(text: &str) -> Result<&str, Fault> {
    if text == "." || is_plain_path(text) {
        Ok(text)
    } else {
        Err(mapping(&format!("{text:?} is not a usable path")))
    }
}

/// Hidden, or left behind by a file manager: not for buyers, and not worth a word.
pub(super) fn is_litter(name: &str) -> bool {
    // The way up is no litter: who writes it is told.
    (name.starts_with('.') && name != "..") || LITTER.contains(&name)
}

/// Beside the file's own name, where it waits until it is whole: no file that a buyer can be given is
/// ever called so.
pub(super) fn waiting(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/.{name}.part"),
        None => format!(".{path}.part"),
    }
}

/// A folder for a store whose root has no name of its own: empty for `.`.
pub(super) fn below_root(folder: &str) -> Result<&str, Fault> {
    let folder = plain_path(folder)?;
    Ok(if folder == "." { "" } else { folder })
}

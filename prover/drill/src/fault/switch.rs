//! Switches: files by which faults of a prepared program are turned on and off.

use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// A file that a fault is switched on and off by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    pub(super) file: PathBuf,
}

impl Switch {
    /// For the `switch` of a [`Fault`](super::Fault).
    pub fn path(&self) -> &Path {
        &self.file
    }
}

/// Writes a switch in one step, under a lock that its readers need not know. A switch whose folder is gone has no reader.
pub(super) fn set_switch(file: &Path, contents: &str) -> Result<(), String> {
    let Some(folder) = file.parent().filter(|folder| folder.is_dir()) else { return Ok(()) };
    let told = |error: std::io::Error| format!("writing {}: {error}", file.display());
    let lock = std::fs::File::open(folder).map_err(told)?;
    flock(&lock, FlockOperation::LockExclusive).map_err(|error| told(error.into()))?;
    let new = file.with_extension("new");
    std::fs::write(&new, contents).and_then(|()| std::fs::rename(&new, file)).map_err(told)
}

//! The undo of every fault under way, on disk.
//!
//! An entry is a file that is there from before its fault acts until after it is undone. It is written to another name,
//! synced, renamed, and its folder synced, so there is a whole entry or none; a file of another name is of a keel that was
//! killed before its fault acted. Undoing can be repeated, so a fault that never acted and one undone half are alike.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::kind::Fault;
use super::undo::Undo;

/// The most faults under way at a time in one journal.
pub const MAX_ENTRIES: usize = 256;
/// The largest entry that is read, in bytes.
const MAX_ENTRY: u64 = 1 << 20;
/// The version of the form of entries.
const VERSION: u32 = 1;
/// The ending of the names of entries.
const ENDING: &str = "fault.json";
/// The variable that names the folder of [`Journal::default_folder`].
const VARIABLE: &str = "KEEL_STATE";

/// A folder with the undo of every fault under way. Several processes may use it at once.
#[derive(Clone, Debug)]
pub struct Journal {
    folder: PathBuf,
}

/// One fault under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    version: u32,
    /// Unique in the journal.
    pub id: String,
    /// The process that injected it.
    pub owner: Identity,
    /// The time of the injection, in seconds since 1970.
    pub since: u64,
    /// The fault.
    pub fault: Fault,
    /// The actions that undo it, in this order.
    pub undo: Vec<Undo>,
}

/// The reason why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file or the folder cannot be read or written.
    #[error("the journal of faults at {path}: {source}; KEEL_STATE names another folder")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file is no entry.
    #[error("{path} is not an entry of this version ({why}): undo the fault in it by hand, then remove the file")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The mistake in it.
        why: String,
    },
    /// Another fault has the same thing in hand: undoing them in another order would leave it broken.
    #[error("{fault} would change the same thing as {other}, which is active: undo that one first")]
    Overlaps {
        /// The fault that was to be.
        fault: &'static str,
        /// The one under way.
        other: &'static str,
    },
    /// Too many faults are under way.
    #[error("{MAX_ENTRIES} faults are under way in {0}: undo some with `keel undo`")]
    Full(PathBuf),
}

/// The faults that are undone, by their owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of processes that are dead.
    Dead,
    /// All.
    All,
}

/// The outcome of undoing the faults of a journal.
#[derive(Debug, Default)]
pub struct Mended {
    /// Each entry that was tried.
    pub outcomes: Vec<UndoOutcome>,
    /// Files that are no entries; the other entries are undone all the same.
    pub unreadable: Vec<JournalError>,
}

/// The outcome of undoing one entry.
#[derive(Debug)]
pub struct UndoOutcome {
    /// The entry.
    pub entry: Entry,
    /// The result: `Ok` if all of it was undone; the rest stays in the journal.
    pub undone: Result<(), String>,
}

impl Journal {
    /// The journal in this folder, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The folder in which keel keeps it: `$KEEL_STATE/faults`, else for root `/var/lib/keel/faults`, else
    /// `$XDG_STATE_HOME/keel/faults`, else `~/.local/state/keel/faults`.
    pub fn default_folder() -> PathBuf {
        let given = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let state = given(VARIABLE).unwrap_or_else(|| match rustix::process::geteuid().is_root() {
            true => PathBuf::from("/var/lib/keel"),
            false => {
                let home = || given("HOME").unwrap_or_else(std::env::temp_dir).join(".local/state");
                given("XDG_STATE_HOME").unwrap_or_else(home).join("keel")
            }
        });
        state.join("faults")
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// An id that no other fault of any process has.
    pub(super) fn fresh_id() -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Begins with the time, so that names sort in the order in which faults were injected.
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("{:024}-{}-{count}", since_epoch.as_nanos(), std::process::id())
    }

    /// Writes down that a fault is about to act. On return it is on disk.
    ///
    /// # Errors
    /// When it cannot be written, another fault has the same thing in hand, or [`MAX_ENTRIES`] are there.
    pub(super) fn write(&self, id: String, fault: &Fault, undo: Vec<Undo>) -> Result<Entry, JournalError> {
        let _lock = self.lock()?;
        let overlaps = |entry: &Entry| entry.undo.iter().any(|other| undo.iter().any(|undo| undo.overlaps(other)));
        if let Some(other) = self.readable()?.0.into_iter().find(overlaps) {
            return Err(JournalError::Overlaps { fault: fault.name(), other: other.fault.name() });
        }
        if self.paths()?.len() >= MAX_ENTRIES {
            return Err(JournalError::Full(self.folder.clone()));
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let entry = Entry { version: VERSION, id, owner: Identity::own(), since, fault: fault.clone(), undo };
        let text = serde_json::to_vec_pretty(&entry)
            .map_err(|error| JournalError::Io { path: self.path(&entry), source: error.into() })?;
        let new = self.folder.join(format!("{}.new", entry.id));
        let save = || {
            let mut file = File::create(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&new, self.path(&entry))?;
            File::open(&self.folder)?.sync_all()
        };
        save().map_err(|source| {
            let _ = std::fs::remove_file(&new);
            let _ = std::fs::remove_file(self.path(&entry));
            JournalError::Io { path: self.path(&entry), source }
        })?;
        Ok(entry)
    }

    /// The faults under way, in the order in which they were injected.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, JournalError> {
        let (entries, unreadable) = self.readable()?;
        unreadable.into_iter().next().map_or(Ok(entries), Err)
    }

    /// Those that can be read, and why the others cannot.
    fn readable(&self) -> Result<(Vec<Entry>, Vec<JournalError>), JournalError> {
        let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
        for path in self.paths()? {
            match Self::read(&path) {
                // One that was undone meanwhile is no mistake.
                Ok(entry) => entries.extend(entry),
                Err(error) => unreadable.push(error),
            }
        }
        Ok((entries, unreadable))
    }

    /// Locks the journal against concurrent writes and undos.
    fn lock(&self) -> Result<File, JournalError> {
        let lock = File::open(&self.folder).map_err(failed(&self.folder))?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|errno| failed(&self.folder)(errno.into()))?;
        Ok(lock)
    }

    /// Undoes faults, the last one first. What cannot be undone, or read, stays in the journal and does not keep the others.
    ///
    /// Waits while another process does the same.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn undo(&self, whose: Whose) -> Result<Mended, JournalError> {
        let _lock = self.lock()?;
        self.forget_the_unfinished()?;
        let (mut entries, unreadable) = self.readable()?;
        entries.retain(|entry| whose == Whose::All || !entry.owner.is_alive());
        entries.reverse();
        let outcomes = entries.into_iter().map(|entry| UndoOutcome { undone: self.undo_one(&entry), entry }).collect();
        Ok(Mended { outcomes, unreadable })
    }

    /// Removes files of keels that were killed while they wrote: their faults never acted. A writer holds the lock.
    fn forget_the_unfinished(&self) -> Result<(), JournalError> {
        let listed = std::fs::read_dir(&self.folder).map_err(failed(&self.folder))?;
        for file in listed.flatten().map(|file| file.path()) {
            if file.extension().is_some_and(|ending| ending == "new") {
                // One that cannot be removed harms nobody.
                let _ = std::fs::remove_file(file);
            }
        }
        Ok(())
    }

    /// Undoes one fault and strikes it out.
    pub(super) fn undo_one(&self, entry: &Entry) -> Result<(), String> {
        // All are tried, so that one that fails does not keep the others.
        let failures: Vec<String> = entry.undo.iter().filter_map(|undo| undo.apply().err()).collect();
        if !failures.is_empty() {
            return Err(failures.join("; "));
        }
        let path = self.path(entry);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("it is undone, but {} cannot be removed: {error}", path.display()))
            }
            _ => Ok(()),
        }
    }

    fn path(&self, entry: &Entry) -> PathBuf {
        self.folder.join(format!("{}.{ENDING}", entry.id))
    }

    fn paths(&self) -> Result<Vec<PathBuf>, JournalError> {
        let listed = std::fs::read_dir(&self.folder).map_err(failed(&self.folder))?;
        let is_entry = |path: &PathBuf| path.to_str().is_some_and(|path| path.ends_with(ENDING));
        let mut paths: Vec<PathBuf> = listed.flatten().map(|file| file.path()).filter(is_entry).collect();
        paths.sort();
        Ok(paths)
    }

    fn read(path: &Path) -> Result<Option<Entry>, JournalError> {
        let unreadable = |why: String| JournalError::Unreadable { path: path.to_owned(), why };
        let length = match path.metadata() {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(path)(error)),
        };
        if length > MAX_ENTRY {
            return Err(unreadable(format!("it has {length} bytes")));
        }
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(path)(error)),
        };
        let entry: Entry = serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
        match entry.version {
            VERSION => Ok(Some(entry)),
            other => Err(unreadable(format!("it has version {other}"))),
        }
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { path, source }
}

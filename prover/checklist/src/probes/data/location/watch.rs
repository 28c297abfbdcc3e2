//! Changes of files below folders, as the kernel tells of them (inotify): also of files that are open for a moment only.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};

/// The most folders that are watched.
const MAX_FOLDERS: usize = 20_000;
/// Time limit of the search for folders.
const SEARCH: Duration = Duration::from_secs(3);
/// Bytes of events that are read at once.
const BUFFER: usize = 16 << 10;

/// A folder with all below it, to a depth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) folder: PathBuf,
    /// The depth in folders; 0 is the folder alone.
    pub(super) depth: usize,
}

/// Folders that are watched.
#[derive(Debug)]
pub(super) struct Watch {
    events: OwnedFd,
    folders: BTreeMap<i32, PathBuf>,
    /// Why some of the folders, or some of their changes, were not seen.
    pub(super) missed: Option<String>,
}

impl Watch {
    /// Watches these folders, the first ones first.
    ///
    /// # Errors
    /// When the kernel gives no watch at all.
    pub(super) fn of(roots: &[Root]) -> std::io::Result<Self> {
        let events = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let mut watch = Self { events, folders: BTreeMap::new(), missed: None };
        let begun = Instant::now();
        for root in roots {
            let mut next = VecDeque::from([(root.folder.clone(), root.depth)]);
            while let Some((folder, depth)) = next.pop_front() {
                if watch.folders.len() >= MAX_FOLDERS || begun.elapsed() > SEARCH {
                    let what = format!("only {} folders were watched, the last below", watch.folders.len());
                    watch.missed.get_or_insert(format!("{what} {}", root.folder.display()));
                    return Ok(watch);
                }
                watch.add(&folder);
                if depth > 0 {
                    next.extend(folders_in(&folder).map(|folder| (folder, depth - 1)));
                }
            }
        }
        Ok(watch)
    }

    /// Returns the number of folders.
    pub(super) fn len(&self) -> usize {
        self.folders.len()
    }

    fn add(&mut self, folder: &Path) {
        let flags = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        match add_watch(&self.events, folder, flags | WatchFlags::DONT_FOLLOW) {
            Ok(number) => {
                self.folders.insert(number, folder.to_owned());
            }
            Err(rustix::io::Errno::NOSPC) => {
                self.missed.get_or_insert("the host allows no more watched folders (max_user_watches)".to_owned());
            }
            // It is gone, or nobody may read it.
            Err(_) => {}
        }
    }

    /// The files that changed since the last look.
    pub(super) fn changed(&mut self) -> Vec<PathBuf> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let (mut changed, mut made) = (Vec::new(), Vec::new());
        let mut reader = Reader::new(&self.events, &mut buffer);
        while let Ok(event) = reader.next() {
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                self.missed.get_or_insert("more files changed than the kernel tells of".to_owned());
            }
            let Some((folder, name)) = self.folders.get(&event.wd()).zip(event.file_name()) else { continue };
            let path = folder.join(OsStr::from_bytes(name.to_bytes()));
            if event.events().contains(ReadFlags::ISDIR) {
                made.push(path);
            } else {
                changed.push(path);
            }
        }
        // What was written into a new folder before it was watched has changed too.
        while let Some(folder) = made.pop() {
            if self.folders.len() < MAX_FOLDERS {
                self.add(&folder);
            }
            made.extend(folders_in(&folder));
            let entries = folder.read_dir().into_iter().flatten().filter_map(Result::ok);
            changed.extend(entries.map(|entry| entry.path()).filter(|path| path.is_file()));
        }
        changed
    }
}

fn folders_in(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().filter_map(Result::ok);
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_open_for_a_moment_is_seen_also_in_a_new_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        std::fs::create_dir_all(root.join("old/deep")).unwrap();
        let mut watch = Watch::of(&[Root { folder: root.clone(), depth: 9 }]).unwrap();
        assert_eq!(watch.len(), 3);
        assert!(watch.changed().is_empty());
        std::fs::write(root.join("old/deep/state.db"), "a line").unwrap();
        std::fs::create_dir_all(root.join("new/far")).unwrap();
        std::fs::write(root.join("new/far/state.db"), "a line").unwrap();
        let mut changed = watch.changed();
        changed.sort();
        changed.dedup();
        assert_eq!(changed, [root.join("new/far/state.db"), root.join("old/deep/state.db")]);
    }
}

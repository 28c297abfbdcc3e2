//! Owner of a changed file: it is the service's when it changes each time that requests are sent, and never when none are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Of all times that requests were sent, in how many at least a file of the service changes: all but this many.
const MISSED: usize = 1;

/// Files that changed while requests were sent, or while none were.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    pub(super) asked: bool,
    pub(super) changed: BTreeSet<PathBuf>,
}

/// Files that changed with the requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Files, and folders in which there was another file each time.
    pub(super) with_requests: BTreeSet<PathBuf>,
    /// The number of files that changed too seldom, or also without requests: perhaps another program's.
    pub(super) others: usize,
}

/// Sorts the files that `counts` says are of interest.
pub(super) fn sorted(windows: &[Window], counts: impl Fn(&Path) -> bool) -> Changes {
    let asked = windows.iter().filter(|window| window.asked).count();
    let mut times: BTreeMap<PathBuf, (usize, usize)> = BTreeMap::new();
    let mut folders: BTreeMap<PathBuf, BTreeSet<&PathBuf>> = BTreeMap::new();
    for window in windows {
        let files: BTreeSet<&PathBuf> = window.changed.iter().filter(|path| counts(path)).collect();
        let mut places: BTreeSet<PathBuf> = files.iter().map(|path| (*path).clone()).collect();
        for file in files {
            if let Some(folder) = file.parent() {
                places.insert(folder.to_owned());
                folders.entry(folder.to_owned()).or_default().insert(file);
            }
        }
        for place in places {
            let (with, without) = times.entry(place).or_default();
            *if window.asked { with } else { without } += 1;
        }
    }
    let is_with_requests = |place: &&PathBuf| {
        times.get(*place).is_some_and(|(with, without)| *with + MISSED >= asked && *with > 0 && *without == 0)
    };
    let mut changes = Changes::default();
    for (folder, files) in &folders {
        let with: Vec<&&PathBuf> = files.iter().filter(|file| is_with_requests(file)).collect();
        if with.is_empty() && is_with_requests(&folder) {
            changes.with_requests.insert(folder.clone());
        } else {
            changes.others += files.len() - with.len();
            changes.with_requests.extend(with.into_iter().map(|file| (*file).clone()));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(asked: [&[&str]; 4], silent: [&[&str]; 4]) -> Vec<Window> {
        let window = |asked, files: &[&str]| Window { asked, changed: files.iter().map(PathBuf::from).collect() };
        asked.iter().map(|files| window(true, files)).chain(silent.iter().map(|files| window(false, files))).collect()
    }

    fn with_requests(asked: [&[&str]; 4], silent: [&[&str]; 4]) -> Vec<String> {
        let changes = sorted(&windows(asked, silent), |_| true);
        changes.with_requests.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_file_that_changes_with_requests_only_is_the_services() {
        assert_eq!(with_requests([&["/w/a"]; 4], [&[]; 4]), ["/w/a"]);
        assert_eq!(with_requests([&["/w/a"], &[], &["/w/a"], &["/w/a"]], [&[]; 4]), ["/w/a"]);
        assert!(with_requests([&["/w/a"], &[], &[], &["/w/a"]], [&[]; 4]).is_empty());
        assert!(with_requests([&["/w/a"]; 4], [&[], &["/w/a"], &[], &[]]).is_empty());
    }

    #[test]
    fn another_file_for_each_request_makes_its_folder_the_services() {
        assert_eq!(with_requests([&["/t/x/1"], &["/t/x/2"], &["/t/x/3"], &["/t/x/4"]], [&[]; 4]), ["/t/x"]);
        assert!(with_requests([&["/t/1"], &["/t/2"], &["/t/3"], &["/t/4"]], [&["/t/o"], &[], &[], &[]]).is_empty());
    }
}

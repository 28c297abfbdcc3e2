//! Log files: files with the id of a request.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::clause::see::logs as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::support::open_files;

/// The folder of a system's logs.
const LOGS: &str = "/var/log";
/// The depth of the folders below those of the service that are looked at.
const DEPTH: usize = 3;
/// The most entries of folders that are looked at.
const MAX_ENTRIES: usize = 20_000;
/// The bytes at the end of a file that are read.
const TAIL: u64 = 1 << 20;
/// The time of a change is that of the last tick of the kernel's clock, which may be before a moment that was read meanwhile.
const TICK: Duration = Duration::from_millis(20);
/// The ending of a database's files, whose records may have the id of a request by right.
const DATABASE: [&str; 4] = [".db", ".db-wal", ".sqlite", ".sqlite-wal"];

/// Files that were written, and why more may have been.
#[derive(Debug, Default)]
pub(super) struct Written {
    files: BTreeSet<PathBuf>,
    missed: Option<String>,
}

/// The files that it holds open for writing, and those in its folders and in that of the system's logs that changed since a time.
pub(super) fn written(lab: &Lab, since: SystemTime) -> Written {
    let Some(process) = lab.running() else {
        let missed = Some("its processes are not known, as keel did not start it in the foreground".to_owned());
        return Written { files: BTreeSet::new(), missed };
    };
    let files = process.pids().into_iter().flat_map(open_files::written_by).collect();
    let mut written = Written { files, missed: None };
    let folders = [lab.subject.workdir.clone(), PathBuf::from(LOGS)];
    let mut entries = 0;
    for root in folders.iter().chain(&lab.subject.data) {
        let mut next = VecDeque::from([(root.clone(), DEPTH)]);
        while let Some((folder, depth)) = next.pop_front() {
            for entry in folder.read_dir().into_iter().flatten().flatten() {
                entries += 1;
                if entries > MAX_ENTRIES {
                    written.missed = Some(format!("only {MAX_ENTRIES} files in its folders were looked at"));
                    return written;
                }
                let Ok(kind) = entry.file_type() else { continue };
                let changed =
                    || entry.metadata().and_then(|data| data.modified()).is_ok_and(|time| time + TICK >= since);
                if kind.is_dir() && depth > 0 {
                    next.push_back((entry.path(), depth - 1));
                } else if kind.is_file() && changed() {
                    written.files.insert(entry.path());
                }
            }
        }
    }
    written
}

/// Judges the files by the ids of requests in them.
pub(super) fn judge(written: &Written, ids: &[&str]) -> Evidence {
    let has_id = |path: &&PathBuf| ids.iter().any(|id| tail(path).contains(id));
    let with_id: Vec<&PathBuf> = written.files.iter().filter(has_id).collect();
    let is_database = |path: &Path| DATABASE.iter().any(|end| path.to_string_lossy().ends_with(end));
    if let Some(log) = with_id.iter().find(|path| !is_database(path)) {
        let what = format!(
            "it writes the ids of requests into {}; a bound of its size was not seen in this run",
            log.display()
        );
        return clause::FILES.gap(what);
    }
    if let Some(database) = with_id.first() {
        let what = format!("{} has the id of a request: whether it is a log was not seen", database.display());
        return clause::FILES.gap(what);
    }
    match &written.missed {
        Some(why) => clause::FILES.gap(format!("whether it writes log files was not seen: {why}")),
        None => {
            let count = written.files.len();
            clause::FILES
                .holds(format!("it has no log files: none of {count} files that changed has the id of a request"))
        }
    }
}

/// The end of a file, as text.
fn tail(path: &Path) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        std::io::Result::Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_the_id_of_a_request_is_a_log_whose_bound_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Written { files: [path].into(), missed: None }
        };
        let judged = |written: &Written| judge(written, &["the-id"]);
        assert!(judged(&written("state.json", "{}")).is_for());
        assert!(judged(&Written::default()).is_for());
        assert!(!judged(&written("access.txt", "GET / the-id 200\n")).decides());
        assert!(!judged(&written("it.db", "a row with the-id")).decides());
        let missed = Written { missed: Some("too many".to_owned()), ..written("other.json", "{}") };
        assert!(!judged(&missed).decides());
    }
}

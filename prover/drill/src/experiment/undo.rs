//! The undo of a drill's commands, on disk before they act: a drill that was killed is undone by the next one.
//!
//! One file for each drill that runs, appended to and locked. The kernel gives the lock up with the process, however it ended;
//! a file without an owner is of a drill that was killed. Processes and proxies need no entry: they end with keel.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::command::run_command;

/// The most files that are looked at.
const MAX_FILES: usize = 1000;

/// The file of one drill.
#[derive(Debug)]
pub struct UndoLog {
    file: File,
    path: PathBuf,
    folder: PathBuf,
    entries: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    /// About to act; this undoes it, in this folder.
    Undo { run: String, folder: PathBuf },
    /// The entry of that number is undone.
    Done(usize),
}

impl UndoLog {
    /// Makes a file in the folder, which is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be written: then nothing should be done.
    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("drill-{}.undo", std::process::id()));
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        file.set_len(0)?;
        Ok(Self { file, path, folder: std::env::current_dir()?, entries: 0 })
    }

    /// Keeps what undoes a command that is about to run; its number.
    pub(super) fn about_to(&mut self, undo: &str) -> io::Result<usize> {
        let number = self.entries;
        self.append(&Line::Undo { run: undo.to_owned(), folder: self.folder.clone() })?;
        self.entries += 1;
        Ok(number)
    }

    /// It is undone.
    pub(super) fn done(&mut self, number: usize) -> io::Result<()> {
        self.append(&Line::Done(number))
    }

    fn append(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()
    }
}

impl Drop for UndoLog {
    fn drop(&mut self) {
        // What could not be undone stays for the next start.
        if pending(&self.path).is_ok_and(|pending| pending.is_empty()) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Undoes what drills left behind that were killed: the last first. A sentence for each thing, done or not.
pub async fn restore(folder: &Path) -> Vec<String> {
    let mut told = Vec::new();
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_FILES).map(|entry| entry.path());
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "undo")) {
        let Ok(file) = File::open(&path) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            // Its drill runs.
            continue;
        }
        let mut failed = false;
        for (run, folder) in pending(&path).unwrap_or_default().into_iter().rev() {
            match run_command(&format!("cd '{}' && {run}", folder.display())).await {
                Ok(()) => told.push(format!("undid a command of a killed drill: {run}")),
                Err(problem) => {
                    failed = true;
                    told.push(format!("could not undo a command of a killed drill: {problem}"));
                }
            }
        }
        if !failed {
            let _ = std::fs::remove_file(&path);
        }
    }
    told
}

/// The entries that are not undone. A line that was being written when the process was killed is not whole: its command had
/// not begun.
fn pending(path: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut entries = Vec::new();
    for line in BufReader::new(File::open(path)?).lines() {
        match serde_json::from_str(&line?) {
            Ok(Line::Undo { run, folder }) => entries.push(Some((run, folder))),
            Ok(Line::Done(number)) => {
                if let Some(entry) = entries.get_mut(number) {
                    *entry = None;
                }
            }
            Err(_) => {}
        }
    }
    Ok(entries.into_iter().flatten().collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    /// Leaves the file of a drill that was killed: the file is there, and its lock is free.
    fn abandoned(folder: &Path, lines: &str) {
        std::fs::write(folder.join("drill-1.undo"), lines).unwrap();
    }

    #[tokio::test]
    async fn commands_of_a_killed_drill_are_undone_once_and_the_last_first() {
        let folder = tempfile::tempdir().unwrap();
        let line = |run: &str| {
            serde_json::to_string(&Line::Undo { run: run.to_owned(), folder: folder.path().to_owned() }).unwrap()
        };
        let lines =
            [line("echo first >>seen"), line("echo over >>seen"), "{\"done\":1}".to_owned(), line("echo last >>seen")];
        abandoned(folder.path(), &format!("{}\n{{\"undo\":{{\"run\":\"torn", lines.join("\n")));
        assert_eq!(restore(folder.path()).await.len(), 2);
        assert_eq!(std::fs::read_to_string(folder.path().join("seen")).unwrap(), "last\nfirst\n");
        assert!(restore(folder.path()).await.is_empty());
    }

    #[tokio::test]
    async fn a_drill_that_runs_is_left_alone_and_its_file_goes_when_all_is_undone() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = UndoLog::open(folder.path()).unwrap();
        let number = log.about_to("touch undone").unwrap();
        assert!(restore(folder.path()).await.is_empty());
        log.done(number).unwrap();
        drop(log);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_failed_undo_stays_and_is_reported_again() {
        let folder = tempfile::tempdir().unwrap();
        let line = Line::Undo { run: "exit 3".to_owned(), folder: folder.path().to_owned() };
        abandoned(folder.path(), &serde_json::to_string(&line).unwrap());
        for _ in 0..2 {
            let told = restore(folder.path()).await;
            assert!(told.len() == 1 && told[0].contains("could not"), "{told:?}");
        }
    }
}

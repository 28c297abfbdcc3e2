//! Journal that survives the process: a line of JSON for each request that took effect, in the folder that SPECIMEN_DATA names.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;

use serde_json::Value;

/// The journal; without SPECIMEN_DATA nothing is kept.
#[derive(Debug)]
pub(super) struct Journal(Option<File>);

impl Journal {
    /// Opens it and gives what earlier processes wrote; a line that was cut off in the middle is left out.
    pub(super) fn open() -> (Self, Vec<Value>) {
        let Some(folder) = std::env::var_os("SPECIMEN_DATA") else { return (Self(None), Vec::new()) };
        let path = PathBuf::from(folder).join("journal");
        let file =
            OpenOptions::new().create(true).append(true).read(true).open(&path).expect("the journal can be opened");
        let lines = BufReader::new(&file).lines().map_while(Result::ok);
        let entries = lines.filter_map(|line| serde_json::from_str(&line).ok()).collect();
        (Self(Some(file)), entries)
    }

    /// Writes an entry. It survives the process, though not the machine: that is enough for SIGKILL.
    pub(super) fn write(&mut self, entry: &Value) {
        if let Some(file) = &mut self.0 {
            file.write_all(format!("\n{entry}\n").as_bytes()).expect("the journal can be written");
        }
    }
}

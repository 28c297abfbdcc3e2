//! Standard output and files.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Prints to standard output; a reader that has left is no error.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        eprintln!("keel: cannot write to standard output: {error}");
    }
}

/// Checks that a report can be written to the path, so that the error comes before the examination and not after it.
pub(crate) fn can_write(path: &Path) -> Result<(), String> {
    let there = path.exists();
    let opened = OpenOptions::new().append(true).create(true).open(path);
    let outcome = opened.map(drop).map_err(|error| refused(path, &error));
    if outcome.is_ok() && !there {
        // What remains is an empty file, which the report will replace.
        let _ = std::fs::remove_file(path);
    }
    outcome
}

pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| refused(path, &error))
}

fn refused(path: &Path, error: &std::io::Error) -> String {
    let hint = match error.kind() {
        ErrorKind::NotFound => ": create its folder first",
        ErrorKind::IsADirectory => ": name a file in it",
        _ => "",
    };
    format!("cannot write {}: {error}{hint}", path.display())
}

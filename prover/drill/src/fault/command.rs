//! Programs of the host that faults are made with: `ip`, `tc`, `cc`.

use std::process::{Command, Stdio};

/// Returns true if there is such a program.
pub(super) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Runs it to its end; what it said when it fails.
pub(super) fn run(words: &[&str]) -> Result<(), String> {
    output(words).map(drop)
}

/// Returns true if the command succeeds.
pub(super) fn succeeds(words: &[&str]) -> bool {
    output(words).is_ok()
}

/// Returns its output.
pub(super) fn output(words: &[&str]) -> Result<String, String> {
    let line = words.join(" ");
    let [program, arguments @ ..] = words else { return Err("there is no command".to_owned()) };
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("`{line}` could not be started: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("`{line}`: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

//! Standard error while something runs: one line that is written over, only on a terminal, and lines that stay.

use std::io::{IsTerminal, Write};

pub(crate) struct Progress {
    on_terminal: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { on_terminal: std::io::stderr().is_terminal() }
    }

    /// Returns true if a progress line is shown.
    pub(crate) fn is_shown(&self) -> bool {
        self.on_terminal
    }

    /// Writes over the line; does nothing without a terminal.
    pub(crate) fn show(&self, text: &str) {
        if self.on_terminal {
            // Back to the line's beginning, and clear it.
            put(&format!("\r\x1b[K{text}"));
        }
    }

    /// Prints a line that stays, in the place of the one that is written over.
    pub(crate) fn line(&self, text: &str) {
        self.show("");
        put(&format!("{text}\n"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show("");
    }
}

/// A reader that has left is no error: the report is what counts.
fn put(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

//! One line on standard error that tells what is being examined; only on a terminal.

use std::io::{IsTerminal, Write};

pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { shown: std::io::stderr().is_terminal() }
    }

    pub(crate) fn show(&self, text: &str) {
        if self.shown {
            // Back to the line's beginning, and clear it.
            eprint!("\r\x1b[K{text}");
            let _ = std::io::stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show("");
    }
}

//! The form of a report: its name on the command line, its file, the function that renders it.

use super::content::Report;

/// The choices that a format leaves to the reader.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Escape sequences for colour: only for a terminal.
    pub colour: bool,
    /// The evidence of everything, not only of what falls short or is unknown.
    pub verbose: bool,
}

/// A form of the report.
#[derive(Debug)]
pub struct Format {
    /// The word after `--format`.
    pub name: &'static str,
    /// The flag that writes the report in this form beside the one that is printed.
    pub file: Option<FileFlag>,
    /// Renders a report.
    pub render: fn(&Report, Look) -> String,
}

/// A flag that writes a report to a file; it is called as the format is.
#[derive(Debug)]
pub struct FileFlag {
    /// The usual extension of the file, without the dot.
    pub extension: &'static str,
    /// The help text of the flag.
    pub help: &'static str,
}

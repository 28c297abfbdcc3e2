//! The report of an examination, and its formats. A format is one file here and one line of [`FORMATS`].

mod content;
mod format;
mod html;
mod json;
mod junit;
mod safe;
#[cfg(test)]
mod sample;
mod terminal;

pub use self::content::{Examined, Report, SCHEMA, Score, Selftest, word};
pub use self::format::{FileFlag, Format, Look};
pub use self::safe::plain;

/// All formats, in the order in which the command line lists them.
pub static FORMATS: &[Format] = &[terminal::FORMAT, json::FORMAT, html::FORMAT, junit::FORMAT];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_of_formats_are_unique() {
        let names: BTreeSet<&str> = FORMATS.iter().map(|format| format.name).collect();
        assert_eq!(names.len(), FORMATS.len());
    }

    #[test]
    fn every_format_renders_every_finding() {
        let report = sample::report();
        for format in FORMATS {
            let text = (format.render)(&report, Look { colour: false, verbose: true });
            for examined in &report.findings {
                assert!(
                    text.contains(examined.finding.id()),
                    "{} lacks {}:\n{text}",
                    format.name,
                    examined.finding.id()
                );
            }
        }
    }
}

//! The report of an examination, and its formats. A format is one file here and one line of [`FORMATS`].

mod baseline;
mod changes;
mod content;
mod format;
mod harm;
mod html;
mod json;
mod junit;
mod markdown;
mod safe;
#[cfg(test)]
mod sample;
mod sarif;
mod terminal;
mod words;

pub use self::baseline::Baseline;
pub use self::changes::{Change, Changes};
pub use self::content::{Examined, FailOn, Report, SCHEMA, Score, Selftest};
pub use self::format::{FileFlag, Format, Look};
pub use self::safe::plain;
pub use self::words::word;

/// All formats, in the order in which the command line lists them.
pub static FORMATS: &[Format] =
    &[terminal::FORMAT, markdown::FORMAT, json::FORMAT, html::FORMAT, junit::FORMAT, sarif::FORMAT];

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

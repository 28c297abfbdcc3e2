//! An examination as JSON: the report's own fields, in snake case.

use super::content::Report;
use super::format::{FileFlag, Format, Look};

pub(super) const FORMAT: Format = Format {
    name: "json",
    file: Some(FileFlag { extension: "json", help: "Also write the report as JSON" }),
    render: text,
};

/// The whole report.
fn text(report: &Report, _: Look) -> String {
    // The report is plain data with text keys: it always serialises.
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn verdicts_and_counts_can_be_read_back() {
        let report: serde_json::Value = serde_json::from_str(&text(&sample::report(), Look::default())).unwrap();
        assert_eq!(report["score"]["falls_short"], 1);
        assert_eq!(report["findings"][1]["verdict"], "falls_short");
        assert_eq!(report["findings"][1]["id"], "border.problem");
    }
}

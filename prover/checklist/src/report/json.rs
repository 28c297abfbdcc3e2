//! An examination as JSON: the report's own fields, in snake case.

use super::Report;

/// The whole report.
pub fn text(report: &Report) -> String {
    // The report is plain data with text keys: it always serialises.
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    #[test]
    fn verdicts_and_counts_can_be_read_back() {
        let report: serde_json::Value = serde_json::from_str(&super::text(&super::super::sample::report())).unwrap();
        assert_eq!(report["score"]["falls_short"], 1);
        assert_eq!(report["findings"][1]["verdict"], "falls_short");
        assert_eq!(report["findings"][1]["id"], "border.problem");
    }
}

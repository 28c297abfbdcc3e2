//! An earlier report, and the comparison of a new one with it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::changes::{Change, Changes};
use super::content::{Report, SCHEMA};
use crate::finding::Verdict;

/// The verdicts of an earlier report.
#[derive(Clone, Debug)]
pub struct Baseline {
    name: String,
    started: String,
    verdicts: BTreeMap<String, Verdict>,
}

#[derive(Deserialize)]
struct File {
    schema: u32,
    started: String,
    findings: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    verdict: Verdict,
}

impl Baseline {
    /// Reads a report that was written by `keel check --json`; `name` is that of its file.
    ///
    /// # Errors
    /// When the text is no such report, or one of another schema.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let advice = "expected a report of `keel check --json FILE`";
        let schema = serde_json::from_str::<serde_json::Value>(text)
            .map_err(|error| format!("{name}: {error}; {advice}"))?
            .get("schema")
            .and_then(serde_json::Value::as_u64);
        if schema.is_some_and(|schema| schema != u64::from(SCHEMA)) {
            return Err(format!(
                "{name}: its schema is {}, and this version compares schema {SCHEMA}: make it anew with this version",
                schema.unwrap_or_default()
            ));
        }
        let file: File = serde_json::from_str(text).map_err(|error| format!("{name}: {error}; {advice}"))?;
        debug_assert_eq!(file.schema, SCHEMA, "another schema was refused above");
        let verdicts = file.findings.into_iter().map(|row| (row.id, row.verdict)).collect();
        Ok(Self { name: name.to_owned(), started: file.started, verdicts })
    }

    /// The changes from it to a newer report, of the attributes that the newer one has.
    pub fn changes(&self, report: &Report) -> Changes {
        let mut changes = Changes { baseline: self.name.clone(), started: self.started.clone(), ..Changes::default() };
        for finding in report.findings.iter().map(|examined| &examined.finding) {
            let (before, now) = (self.verdicts.get(finding.id()).copied(), finding.verdict());
            let list = match (before, now) {
                (before, now) if before == Some(now) => continue,
                (_, Verdict::FallsShort) => &mut changes.newly_short,
                (_, Verdict::Unknown) => &mut changes.newly_unknown,
                (Some(Verdict::FallsShort), Verdict::Holds) => &mut changes.mended,
                _ => &mut changes.other,
            };
            list.push(Change { id: finding.id().to_owned(), before, now });
        }
        changes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;
    use crate::report::{FORMATS, Look, sample};

    fn json(report: &crate::report::Report) -> String {
        let format = FORMATS.iter().find(|format| format.name == "json").unwrap();
        (format.render)(report, Look::default())
    }

    #[test]
    fn a_report_compared_with_itself_has_no_changes() {
        let report = sample::report();
        let changes = Baseline::parse("old.json", &json(&report)).unwrap().changes(&report);
        assert!(changes.parts().iter().all(|(_, list)| list.is_empty()), "{changes:#?}");
    }

    #[test]
    fn each_change_is_of_one_kind() {
        let mut old = sample::report();
        old.findings = [
            ("border.limits", Verdict::Holds),
            ("border.problem", Verdict::FallsShort),
            ("life.start", Verdict::Holds),
            ("plan.debt", Verdict::Unknown),
        ]
        .map(|(id, verdict)| sample::examined(id, verdict))
        .into();
        let mut now = sample::report();
        now.findings = [
            ("border.limits", Verdict::FallsShort),
            ("border.problem", Verdict::Holds),
            ("life.start", Verdict::Unknown),
            ("plan.debt", Verdict::Attested),
            ("web.robots", Verdict::FallsShort),
        ]
        .map(|(id, verdict)| sample::examined(id, verdict))
        .into();
        let changes = Baseline::parse("old.json", &json(&old)).unwrap().changes(&now);
        let ids = |list: &[Change]| list.iter().map(|change| change.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&changes.newly_short), ["border.limits", "web.robots"]);
        assert_eq!(ids(&changes.mended), ["border.problem"]);
        assert_eq!(ids(&changes.newly_unknown), ["life.start"]);
        assert_eq!(ids(&changes.other), ["plan.debt"]);
        assert_eq!(changes.newly_short[1].told(), "web.robots: not examined, now falls short");
    }

    #[test]
    fn a_file_that_is_no_report_or_of_another_schema_is_refused() {
        for (text, words) in [
            ("{", "expected a report"),
            ("{\"schema\": 2}", "missing field"),
            ("{\"schema\": 1, \"started\": \"\", \"findings\": []}", "its schema is 1"),
        ] {
            let told = Baseline::parse("old.json", text).unwrap_err();
            assert!(told.starts_with("old.json: ") && told.contains(words), "{told}");
        }
    }
}

//! Experiments with readings of the metrics.

use std::collections::BTreeSet;

use crate::recipe::series::{Kind, Series};
use crate::repro::literal;
use crate::repro::steps::{BEYOND, Experiment, arguments};
use crate::subject::Subject;

/// The address of the metrics, as an argument of `ask`.
fn at(subject: &Subject) -> String {
    subject.admin.as_ref().map_or_else(String::new, |url| format!(", at={}", literal::address(url)))
}

pub(super) fn unpublished(subject: &Subject, file: &str, name: &str, path: &str) -> Experiment {
    let escaped = regex::escape(name);
    Experiment {
        asks: Some(subject.deadline + BEYOND),
        modules: BTreeSet::from(["re"]),
        steps: vec![
            format!(
                "named = re.findall({}, open({}).read())",
                literal::pattern(&format!(r"\b{escaped}\b")),
                literal::text(file)
            ),
            // A sample, or the type of a metric without one.
            format!(
                "seen = re.findall({}, ask(\"GET\", {}{}))",
                literal::pattern(&format!(r"(?m)^(?:# TYPE )?{escaped}[ {{].*")),
                literal::text(path),
                at(subject)
            ),
        ],
        seen: "len(named), \"times in the file; published:\", seen[:5]".to_owned(),
        fault: "named and not seen".to_owned(),
        ..Experiment::default()
    }
}

/// A sample: its name with labels, and its value.
const SAMPLE: &str = r#"r"(?m)^([a-zA-Z_:][^\n]*?) ([-+.eE0-9]+)(?: [0-9.]+)?$""#;

pub(super) fn series(subject: &Subject, series: &Series) -> Experiment {
    let at = at(subject);
    let kind = match series.kind {
        Kind::Any => "",
        Kind::Counter => {
            " and (name.partition(\"{\")[0].endswith((\"_total\", \"_count\")) or \"# TYPE \" + name.partition(\"{\")[0] + \" counter\" in text)"
        }
        Kind::Count => {
            " and name.partition(\"{\")[0].endswith(\"_count\") and re.search(\"# TYPE \" + name.partition(\"{\")[0][:-6] + \" (histogram|summary)\", text)"
        }
    };
    let risen = series.by.map_or_else(|| "> 0".to_owned(), |by| format!("== {by}"));
    let ask = format!("ask({})", arguments(subject.url.path(), &series.request));
    let base = subject.url.path().trim_end_matches('/');
    Experiment {
        asks: Some(subject.deadline + BEYOND),
        modules: BTreeSet::from(["re"]),
        steps: vec![
            format!("look = lambda: ask(\"GET\", {}{at})", literal::text(&series.path)),
            format!("values = lambda text: {{name: float(value) for name, value in re.findall({SAMPLE}, text)}}"),
            format!("{ask}; before = values(look()) or sys.exit(2)"),
            format!(
                "[{ask} for _ in range({})]; [ask(\"GET\", f\"{base}/nothing-{{n}}\") for n in range({})]; text = look()",
                series.times, series.lost
            ),
            format!(
                "seen = [name for name, value in values(text).items() if value - before.get(name, 0) {risen} and re.search({}, name){kind}]",
                literal::pattern(&series.series)
            ),
        ],
        seen: "\"series that rise so:\", seen".to_owned(),
        fault: "not seen".to_owned(),
        ..Experiment::default()
    }
}

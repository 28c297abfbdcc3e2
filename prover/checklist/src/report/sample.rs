//! A report for the tests of the views: one finding of each verdict, and text that wants to be markup.

use std::time::Duration;

use keel_catalogue::Catalogue;

use super::content::{Examined, Report};
use crate::finding::{Evidence, Finding, Verdict};
use crate::subject::{Flags, Subject};

/// What a hostile subject would answer.
const HOSTILE: &str = "<script>\"1\" & '2' \u{1b}[31m \u{202e}]]> </pre>\n--";

pub(super) fn report() -> Report {
    let flags = Flags { run: "run <it>".to_owned(), url: "http://127.0.0.1:1".to_owned(), ..Flags::default() };
    let subject = Subject::from_flags(flags).unwrap();
    let mut report = Report::new(&subject, "2026-11-21T05:02:03Z".to_owned());
    report.keel = "0.0.0".to_owned();
    report.catalogue = 152;
    report.findings = [
        ("border.limits", Verdict::Holds),
        ("border.problem", Verdict::FallsShort),
        ("web.cookies", Verdict::NotApplicable),
        ("life.start", Verdict::Unknown),
        ("plan.cost", Verdict::DecidedAgainst),
    ]
    .map(|(id, verdict)| examined(id, verdict))
    .into();
    report.close(Duration::from_millis(2500), false);
    report
}

fn examined(id: &str, verdict: Verdict) -> Examined {
    let exchange = Evidence {
        what: "an answer that is no problem document".to_owned(),
        sent: Some("GET /nothing".to_owned()),
        came_back: Some(format!("404 Not Found · {HOSTILE}")),
        good: Some(false),
    };
    let evidence = vec![Evidence::saw(true, "seen </pre>"), exchange, Evidence::note("12 requests")];
    let finding = Finding::new(id, verdict, format!("summary {HOSTILE}"), evidence);
    let mut examined = Examined::new(Catalogue::embedded(), finding, Duration::from_millis(500));
    // The views are compared with files: the catalogue's words must be free to change.
    examined.statement = "It holds.".to_owned();
    examined.mend = (verdict == Verdict::FallsShort).then(|| "Mend it.".to_owned());
    examined
}

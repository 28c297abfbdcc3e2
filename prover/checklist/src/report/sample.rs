//! A report for the tests of the views: one finding of each verdict, and text that wants to be markup.

use std::time::Duration;

use keel_catalogue::Catalogue;
use keel_wire::http::{Exchange, Failure, Request};

use super::content::{Examined, Report};
use crate::finding::{Bearing, Evidence, Finding, Verdict};
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
        ("plan.debt", Verdict::Attested),
    ]
    .map(|(id, verdict)| examined(id, verdict))
    .into();
    report.close(Duration::from_millis(2500), false);
    report
}

fn examined(id: &str, verdict: Verdict) -> Examined {
    let exchange = Exchange {
        request: Request::get("/nothing"),
        outcome: Err(Failure::Broken(HOSTILE.to_owned())),
        took: Duration::ZERO,
    };
    let evidence = vec![
        Evidence::about_own("seen", Bearing::For, "seen </pre>"),
        Evidence::about_own("document", Bearing::Against, "an answer that is no problem document").with(&exchange),
        Evidence::note("12 requests"),
    ];
    let finding = Finding::with_verdict(id, verdict, &format!("summary {HOSTILE}"), evidence);
    let mut examined = Examined::new(Catalogue::embedded(), finding, Duration::from_millis(500));
    // The views are compared with files: the catalogue's words must be free to change.
    examined.statement = "It holds.".to_owned();
    examined.mend = (verdict == Verdict::FallsShort).then(|| "Mend it.".to_owned());
    examined
}

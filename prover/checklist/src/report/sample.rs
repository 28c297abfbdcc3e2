//! A report for the tests of the views: one finding of each verdict, and text that wants to be markup.

use std::time::Duration;

use keel_catalogue::Catalogue;
use keel_wire::http::{Exchange, Failure, Request};

use super::changes::{Change, Changes};
use super::content::{Examined, FailOn, Report};
use crate::finding::{Bearing, Evidence, Finding, Verdict};
use crate::first_try::{Departure, FirstTry};
use crate::subject::{Flags, Subject};

/// Answer of a hostile subject.
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
    report.close(Duration::from_millis(2500));
    report
}

/// The same with a request that was not answered as declared, compared with an earlier report.
pub(super) fn compared() -> Report {
    let departure = Departure {
        name: "look".to_owned(),
        request: "GET /".to_owned(),
        expected: "200".to_owned(),
        answer: format!("500 {HOSTILE}"),
        advice: "read the output of the service".to_owned(),
    };
    let change = |id: &str, before, now| Change { id: id.to_owned(), before: Some(before), now };
    let changes = Changes {
        baseline: "old.json".to_owned(),
        started: "2026-11-20T05:02:03Z".to_owned(),
        newly_short: vec![change("border.problem", Verdict::Holds, Verdict::FallsShort)],
        mended: vec![change("border.limits", Verdict::FallsShort, Verdict::Holds)],
        ..Changes::default()
    };
    let first_try = FirstTry { declared: 1, sent: 1, left_out: Vec::new(), departures: vec![departure] };
    let report = Report { first_try: Some(first_try), config: Some("keel.toml".to_owned()), ..report() };
    report.judged(FailOn::New, Some(changes))
}

pub(super) fn examined(id: &str, verdict: Verdict) -> Examined {
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

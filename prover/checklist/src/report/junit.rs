//! An examination as JUnit XML: a suite for each chapter, a case for each attribute.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::content::{Examined, Report};
use super::format::{FileFlag, Format, Look};
use super::safe::visible;
use super::words::{mark, told};
use crate::finding::{Evidence, Verdict};

pub(super) const FORMAT: Format = Format {
    name: "junit",
    file: Some(FileFlag { extension: "xml", help: "Also write the report as JUnit XML" }),
    render: text,
};

/// The whole report.
fn text(report: &Report, _: Look) -> String {
    let mut document = quick_junit::Report::new("keel");
    document.set_time(seconds(report.took_seconds));
    for chapter in report.findings.chunk_by(|a, b| a.chapter == b.chapter) {
        let mut suite = TestSuite::new(chapter[0].chapter.as_str());
        suite.set_time(seconds(chapter.iter().map(|examined| examined.took_seconds).sum()));
        // Written as it stands in the report: RFC 3339 is what JUnit asks for.
        suite.extra.insert("timestamp".into(), visible(&report.started).into());
        suite.add_test_cases(chapter.iter().map(case));
        document.add_test_suite(suite);
    }
    // Text in, text out: nothing of it can fail.
    document.to_string().unwrap_or_default()
}

fn case(examined: &Examined) -> TestCase {
    let finding = &examined.finding;
    let mut status = match finding.verdict() {
        Verdict::Holds => TestCaseStatus::success(),
        Verdict::FallsShort => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Unknown => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::NotApplicable | Verdict::DecidedAgainst | Verdict::Attested => TestCaseStatus::skipped(),
    };
    if finding.verdict() != Verdict::Holds {
        status.set_message(visible(finding.summary()));
    }
    if matches!(finding.verdict(), Verdict::FallsShort | Verdict::Unknown) {
        status.set_description(finding.evidence().iter().map(piece).collect::<String>());
    }
    let mut case = TestCase::new(finding.id(), status);
    case.set_classname(examined.chapter.as_str()).set_time(seconds(examined.took_seconds));
    case
}

/// One piece of evidence, each part on a line.
fn piece(piece: &Evidence) -> String {
    let line = |name: &str, part: &Option<String>| {
        part.as_ref().map_or_else(String::new, |part| format!("  {name} {}\n", visible(part)))
    };
    format!(
        "{} {}\n{}{}",
        mark(piece.bearing()),
        visible(&told(piece)),
        line("sent", &piece.sent),
        line("got ", &piece.came_back)
    )
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn counts_agree_and_text_is_escaped() {
        let text = text(&sample::report(), Look::default());
        assert!(text.contains(r#"tests="6" skipped="3" failures="1" errors="1""#), "{text}");
        assert!(!text.contains("<script>") && !text.contains('\u{1b}'), "{text}");
        assert_eq!(text.matches("<testcase").count(), 6);
    }

    #[test]
    fn a_reader_of_junit_xml_reads_every_verdict_back() {
        let sample = sample::report();
        let text = text(&sample, Look::default());
        let read = quick_junit::Report::deserialize_from_str(&text).unwrap();
        let cases: Vec<&TestCase> = read.test_suites.iter().flat_map(|suite| &suite.test_cases).collect();
        for (case, examined) in cases.iter().zip(&sample.findings) {
            assert_eq!(case.name.as_str(), examined.finding.id());
            let message = match (&case.status, examined.finding.verdict()) {
                (TestCaseStatus::Success { .. }, Verdict::Holds) => continue,
                (TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, message, .. }, Verdict::FallsShort)
                | (TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, message, .. }, Verdict::Unknown)
                | (
                    TestCaseStatus::Skipped { message, .. },
                    Verdict::NotApplicable | Verdict::DecidedAgainst | Verdict::Attested,
                ) => message,
                (status, verdict) => panic!("{verdict:?} is written as {status:?}"),
            };
            let message = message.as_ref().expect("it has a message").as_str();
            assert!(message.contains("<script>\"1\" & '2'"), "{message}");
        }
        assert_eq!(cases.len(), sample.findings.len());
    }
}

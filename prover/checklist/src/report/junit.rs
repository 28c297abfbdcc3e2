//! An examination as JUnit XML: a suite a chapter, a case an attribute.

use std::fmt::Write;

use super::safe::escaped;
use super::{Examined, Report};
use crate::finding::{Evidence, Verdict};

/// The whole report.
pub fn text(report: &Report) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (cases, score) = (report.findings.len(), report.score);
    let skipped = score.not_applicable + score.decided_against;
    let _ = writeln!(
        text,
        r#"<testsuites name="keel" tests="{cases}" failures="{}" errors="{}" skipped="{skipped}" time="{:.3}">"#,
        score.falls_short, score.unknown, report.took_seconds
    );
    for chapter in report.findings.chunk_by(|a, b| a.chapter == b.chapter) {
        let count = |verdicts: &[Verdict]| {
            chapter.iter().filter(|examined| verdicts.contains(&examined.finding.verdict)).count()
        };
        let _ = writeln!(
            text,
            r#"  <testsuite name="{}" tests="{}" failures="{}" errors="{}" skipped="{}" time="{:.3}" timestamp="{}">"#,
            escaped(&chapter[0].chapter),
            chapter.len(),
            count(&[Verdict::FallsShort]),
            count(&[Verdict::Unknown]),
            count(&[Verdict::NotApplicable, Verdict::DecidedAgainst]),
            chapter.iter().map(|examined| examined.took_seconds).sum::<f64>(),
            escaped(&report.started),
        );
        for examined in chapter {
            case(&mut text, examined);
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn case(text: &mut String, examined: &Examined) {
    let finding = &examined.finding;
    let (id, summary) = (escaped(&finding.id), escaped(&finding.summary));
    let chapter = escaped(&examined.chapter);
    let _ = write!(text, r#"    <testcase classname="{chapter}" name="{id}" time="{:.3}""#, examined.took_seconds);
    let evidence: String = finding.evidence.iter().map(piece).collect();
    let _ = match finding.verdict {
        Verdict::Holds => writeln!(text, "/>"),
        Verdict::FallsShort => writeln!(text, r#"><failure message="{summary}">{evidence}</failure></testcase>"#),
        Verdict::Unknown => writeln!(text, r#"><error message="{summary}">{evidence}</error></testcase>"#),
        Verdict::NotApplicable | Verdict::DecidedAgainst => {
            writeln!(text, r#"><skipped message="{summary}"/></testcase>"#)
        }
    };
}

/// One piece of evidence, each part on a line.
fn piece(piece: &Evidence) -> String {
    let mark = match piece.good {
        Some(true) => "+",
        Some(false) => "-",
        None => "\u{b7}",
    };
    let line = |name: &str, part: &Option<String>| {
        part.as_ref().map_or_else(String::new, |part| format!("  {name} {}\n", escaped(part)))
    };
    format!("{mark} {}\n{}{}", escaped(&piece.what), line("sent", &piece.sent), line("got ", &piece.came_back))
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts_agree_and_text_is_escaped() {
        let text = super::text(&super::super::sample::report());
        assert!(text.contains(r#"tests="5" failures="1" errors="1" skipped="2""#), "{text}");
        assert!(!text.contains("<script>") && !text.contains('\u{1b}'), "{text}");
        assert_eq!(text.matches("<testcase").count(), 5);
    }
}

//! The views of an examination: terminal, JSON, one HTML page, JUnit.

pub mod html;
pub mod json;
pub mod junit;
pub mod terminal;

use crate::finding::Verdict;

/// A verdict as people read it.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::FallsShort => "falls short",
        Verdict::Unknown => "unknown",
        Verdict::NotApplicable => "not applicable",
        Verdict::DecidedAgainst => "decided against",
    }
}

/// The five markup characters of HTML and XML, and no control characters that XML forbids.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(character),
            character if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => {
                safe.push('\u{fffd}')
            }
            character => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
pub(crate) mod sample {
    use crate::examination::{Examined, Report, Score};
    use crate::finding::{Evidence, Finding, Verdict};

    /// A report with one finding of each verdict, and text that wants to be markup.
    pub(crate) fn report() -> Report {
        let verdicts = [
            ("border.limits", Verdict::Holds),
            ("border.problem", Verdict::FallsShort),
            ("life.start", Verdict::Unknown),
            ("web.cookies", Verdict::NotApplicable),
            ("plan.cost", Verdict::DecidedAgainst),
        ];
        let examined = |(id, verdict): (&str, Verdict)| Examined {
            finding: Finding::new(id, verdict, "<script>\"1\" & \u{1b}[31m", vec![Evidence::saw(true, "seen </pre>")]),
            chapter: id.split('.').next().unwrap_or_default().to_owned(),
            statement: "It holds.".to_owned(),
            mend: "Mend it.".to_owned(),
            took_seconds: 0.5,
        };
        Report {
            keel: "0".to_owned(),
            subject: "s".to_owned(),
            command: "run <it>".to_owned(),
            url: "http://127.0.0.1:1/".to_owned(),
            took_seconds: 2.0,
            interrupted: false,
            catalogue: 152,
            score: Score { holds: 1, falls_short: 1, unknown: 1, not_applicable: 1, decided_against: 1 },
            findings: verdicts.into_iter().map(examined).collect(),
        }
    }
}

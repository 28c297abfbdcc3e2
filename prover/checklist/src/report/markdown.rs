//! An examination as Markdown, for a comment on a pull request or `$GITHUB_STEP_SUMMARY`.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::content::{Examined, Report};
use super::format::{FileFlag, Format, Look};
use super::harm::by_harm;
use super::safe::plain;
use super::words::{mark, told, word};
use crate::finding::{Bearing, Evidence, Verdict};

/// The most bytes: a comment on GitHub holds 65,536 characters.
const MOST: usize = 60_000;
/// The most pieces of evidence of one finding.
const PIECES: usize = 5;

pub(super) const FORMAT: Format = Format {
    name: "markdown",
    file: Some(FileFlag { extension: "md", help: "Also write the report as Markdown, for a pull request" }),
    render: text,
};

/// The whole report, as far as it fits.
fn text(report: &Report, look: Look) -> String {
    let mut text = String::new();
    head(&mut text, report);
    changes(&mut text, report);
    first_try(&mut text, report);
    let mut left_out = 0;
    for (verdict, group) in by_harm(report) {
        let open = verdict == Verdict::FallsShort;
        let mut section = String::new();
        for examined in group {
            let one = if open || look.verbose { whole(examined) } else { line(examined) };
            if text.len() + section.len() + one.len() > MOST {
                left_out += 1;
            } else {
                section.push_str(&one);
            }
        }
        let title = word(verdict);
        let _ = match open {
            true => writeln!(text, "\n### {title}\n\n{section}"),
            false => writeln!(text, "\n<details><summary>{title}</summary>\n\n{section}\n</details>"),
        };
    }
    if left_out > 0 {
        let _ = writeln!(text, "\n{left_out} more attributes are left out here: the other reports have them.");
    }
    text
}

fn head(text: &mut String, report: &Report) {
    let _ = writeln!(text, "## keel: {}\n", literal(&report.subject));
    let parts = report.score.parts();
    let cells = |cell: &dyn Fn(usize, Verdict) -> String| {
        parts.iter().map(|(count, verdict)| cell(*count, *verdict)).collect::<Vec<_>>().join(" | ")
    };
    let _ = writeln!(text, "| {} |", cells(&|_, verdict| word(verdict).to_owned()));
    let _ = writeln!(text, "| {} |", cells(&|_, _| "---".to_owned()));
    let _ = writeln!(text, "| {} |", cells(&|count, _| count.to_string()));
    let _ = writeln!(
        text,
        "\n{} of the catalogue's {} attributes were examined in {:.0} s by keel {}.",
        report.examined, report.catalogue, report.took_seconds, report.keel
    );
    for contradiction in &report.contradictions {
        let _ = writeln!(text, "\n{}.", literal(contradiction));
    }
    if report.interrupted {
        text.push_str("\n**The examination was interrupted.**\n");
    }
}

fn changes(text: &mut String, report: &Report) {
    let Some(changes) = &report.changes else { return };
    let _ = writeln!(text, "\n{}.\n", literal(&changes.summary()));
    for (title, list) in changes.parts() {
        for change in list {
            let _ = writeln!(text, "- **{title}** {}", literal(&change.told()));
        }
    }
}

fn first_try(text: &mut String, report: &Report) {
    let Some(first_try) = report.first_try.as_ref().filter(|first_try| !first_try.departures.is_empty()) else {
        return;
    };
    text.push_str("\nThese requests were not answered as declared before anything was done to the service:\n\n");
    for departure in &first_try.departures {
        let _ = writeln!(text, "- {}", literal(&departure.to_string()));
    }
}

fn line(examined: &Examined) -> String {
    let finding = &examined.finding;
    format!("- `{}` {}\n", finding.id(), literal(finding.summary()))
}

/// A finding with its evidence against and its gaps, and the remedy.
fn whole(examined: &Examined) -> String {
    let finding = &examined.finding;
    let mut text = format!("- **`{}`** {}\n", finding.id(), literal(finding.summary()));
    let deciding = |bearing: Bearing| matches!(bearing, Bearing::Against | Bearing::Gap);
    let mut seen = BTreeSet::new();
    let is_new = |piece: &&Evidence| deciding(piece.bearing()) && seen.insert(told(piece));
    let pieces: Vec<&Evidence> = finding.evidence().iter().filter(is_new).collect();
    for piece in pieces.iter().take(PIECES) {
        let _ = writeln!(text, "  - {} {}", mark(piece.bearing()).replace('-', "\u{2212}"), literal(&told(piece)));
        for (name, part) in [("sent", &piece.sent), ("got", &piece.came_back)] {
            if let Some(part) = part {
                let _ = writeln!(text, "    - {name}: {}", literal(part));
            }
        }
    }
    if pieces.len() > PIECES {
        let _ = writeln!(text, "  - and {} more", pieces.len() - PIECES);
    }
    if let Some(mend) = &examined.mend {
        let _ = writeln!(text, "  - **Mend:** {}", literal(mend));
    }
    text
}

/// Text of the subject on one line, which makes neither markup nor a mention of anybody.
fn literal(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in plain(text).chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // A word joiner keeps GitHub from finding a mention or an issue.
            '@' => safe.push_str("@\u{2060}"),
            '#' => safe.push_str("#\u{2060}"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' => safe.extend(['\\', letter]),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn findings_that_fall_short_are_open_with_their_remedy_and_the_rest_is_folded() {
        let text = text(&sample::compared(), Look::default());
        let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} is not in\n{text}"));
        assert!(place("| holds | attested | falls short |") < place("### falls short"));
        assert!(place("**Mend:** Mend it.") < place("<details><summary>unknown</summary>"));
        place("**newly falls short** border.problem: holds, now falls short");
        place("look (GET /): expected 200");
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    }

    #[test]
    fn text_of_the_subject_makes_no_markup() {
        let text = text(&sample::report(), Look { colour: false, verbose: true });
        assert!(!text.contains("<script>") && !text.contains('\u{1b}'), "{text}");
        assert_eq!(literal("@all `x` [a](b) #1 <b> |"), "@\u{2060}all \\`x\\` \\[a\\](b) #\u{2060}1 &lt;b&gt; \\|");
    }

    #[test]
    fn a_long_report_is_cut_to_the_size_of_a_comment_and_says_so() {
        let mut report = sample::report();
        report.findings = (0..2_000).map(|_| sample::examined("border.problem", Verdict::FallsShort)).collect();
        let text = text(&report, Look::default());
        assert!(text.len() < 65_536, "{}", text.len());
        assert!(text.contains("more attributes are left out here"), "{}", &text[text.len() - 200..]);
    }
}

//! An examination for a terminal: a line for each attribute, grouped by chapter.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use keel_catalogue::Catalogue;

use super::content::{Examined, Report, mark, told, word};
use super::format::{Format, Look};
use super::safe::plain;
use crate::finding::{Bearing, Verdict};

pub(super) const FORMAT: Format = Format { name: "terminal", file: None, render: text };

/// The whole report.
fn text(report: &Report, look: Look) -> String {
    let (mut text, catalogue) = (String::new(), Catalogue::embedded());
    let _ = writeln!(text, "{}  {}", plain(&report.subject), report.url);
    let mut chapter = "";
    for examined in &report.findings {
        if examined.chapter != chapter {
            chapter = &examined.chapter;
            let title = catalogue.chapters.iter().find(|known| known.chapter == chapter).map(|known| &known.title);
            let _ = writeln!(text, "\n{chapter}: {}", title.map_or("", String::as_str));
        }
        line(&mut text, examined, look);
    }
    let score = report.score;
    let _ = writeln!(
        text,
        "\n{} hold, {} attested, {} fall short, {} unknown, {} not applicable, {} decided against; {} of the catalogue's \
         {} attributes examined in {:.0} s",
        score.holds,
        score.attested,
        score.falls_short,
        score.unknown,
        score.not_applicable,
        score.decided_against,
        report.examined,
        report.catalogue,
        report.took_seconds,
    );
    for contradiction in &report.contradictions {
        let _ = writeln!(text, "{}", plain(contradiction));
    }
    let _ = writeln!(text, "{}", plain(&selftest(report)));
    if report.interrupted {
        text.push_str("The examination was broken off: this is what had been found by then.\n");
    }
    text
}

fn line(text: &mut String, examined: &Examined, look: Look) {
    let finding = &examined.finding;
    let style = if look.colour { style_of(finding.verdict()) } else { Style::new() };
    let _ = writeln!(
        text,
        "  {style}{:<15}{style:#} {:<22} {}",
        word(finding.verdict()),
        finding.id(),
        plain(finding.summary())
    );
    let needs_evidence = matches!(finding.verdict(), Verdict::FallsShort | Verdict::Unknown);
    if !needs_evidence && !look.verbose {
        return;
    }
    for piece in finding.evidence() {
        // What speaks for an attribute explains nothing where it falls short.
        if piece.bearing() == Bearing::For && finding.verdict() == Verdict::FallsShort && !look.verbose {
            continue;
        }
        let _ = writeln!(text, "      {} {}", mark(piece.bearing()), plain(&told(piece)));
        if let Some(sent) = &piece.sent {
            let _ = writeln!(text, "        sent {}", plain(sent));
        }
        if let Some(came_back) = &piece.came_back {
            let _ = writeln!(text, "        got  {}", plain(came_back));
        }
    }
    if let Some(mend) = &examined.mend {
        let _ = writeln!(text, "      mend: {mend}");
    }
    if examined.script.is_some() {
        let _ = writeln!(text, "      reproduce: keel repro {}", finding.id());
    }
}

/// What the selftest says that this run stands on.
fn selftest(report: &Report) -> String {
    match &report.selftest {
        Some(selftest) => selftest.told(),
        None => "No selftest of this version was made on this machine: `keel selftest` makes one.".to_owned(),
    }
}

fn style_of(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Holds => AnsiColor::Green,
        Verdict::FallsShort => AnsiColor::Red,
        Verdict::Unknown => AnsiColor::Yellow,
        Verdict::NotApplicable => AnsiColor::BrightBlack,
        Verdict::DecidedAgainst => AnsiColor::Cyan,
        Verdict::Attested => AnsiColor::Blue,
    };
    Style::new().fg_color(Some(colour.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn without_a_terminal_there_is_no_escape_sequence_also_not_the_subjects() {
        let text = text(&sample::report(), Look { colour: false, verbose: true });
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("falls short     border.problem"), "{text}");
        assert!(text.contains("1 hold, 1 attested, 1 fall short, 1 unknown"), "{text}");
    }
}

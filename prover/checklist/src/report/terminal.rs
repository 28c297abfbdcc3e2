//! An examination for a terminal: a line for each attribute, ordered by verdict and harm, and the evidence of what falls short or is
//! unknown.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::content::{Examined, Report};
use super::format::{Format, Look};
use super::harm::by_harm;
use super::safe::plain;
use super::words::{mark, told, word};
use crate::finding::{Bearing, Evidence, Verdict};

pub(super) const FORMAT: Format = Format { name: "terminal", file: None, render: text };

/// The whole report.
fn text(report: &Report, look: Look) -> String {
    let mut text = format!("{}  {}\n", plain(&report.subject), report.url);
    first_try(&mut text, report);
    for (_, group) in by_harm(report) {
        text.push('\n');
        group.into_iter().for_each(|examined| line(&mut text, examined, look));
    }
    changes(&mut text, report);
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
        text.push_str("The examination was interrupted: the report holds the findings until then.\n");
    }
    text
}

/// The declared requests that were not answered as declared: probes that need them found out little.
fn first_try(text: &mut String, report: &Report) {
    let departures = report.first_try.iter().flat_map(|first_try| &first_try.departures);
    for (number, departure) in departures.enumerate() {
        if number == 0 {
            text.push_str("\nNot answered as declared before anything was done to the service:\n");
        }
        let _ = writeln!(text, "  {}", plain(&departure.to_string()));
    }
}

fn changes(text: &mut String, report: &Report) {
    let Some(changes) = &report.changes else { return };
    let _ = writeln!(text, "\n{}", plain(&changes.summary()));
    for (title, list) in changes.parts() {
        for change in list {
            let _ = writeln!(text, "  {title:<18} {}", plain(&change.told()));
        }
    }
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
    let mut shown: Option<&Evidence> = None;
    for piece in finding.evidence() {
        // What speaks for an attribute explains nothing where it falls short.
        if piece.bearing() == Bearing::For && finding.verdict() == Verdict::FallsShort && !look.verbose {
            continue;
        }
        let _ = writeln!(text, "      {} {}", mark(piece.bearing()), plain(&told(piece)));
        // Several pieces may be about one answer: it is shown with the first of them.
        if !shown.is_some_and(|before| before.sent == piece.sent && before.came_back == piece.came_back) {
            exchange(text, piece);
        }
        shown = Some(piece);
    }
    if let Some(mend) = &examined.mend {
        let _ = writeln!(text, "      mend: {mend}");
    }
    if examined.script.is_some() {
        let _ = writeln!(text, "      reproduce: keel repro {}", finding.id());
    }
}

/// The request of a piece of evidence, and what came back.
fn exchange(text: &mut String, piece: &Evidence) {
    for (name, part) in [("sent", &piece.sent), ("got ", &piece.came_back)] {
        if let Some(part) = part.as_ref().filter(|part| !part.is_empty()) {
            let _ = writeln!(text, "        {name} {}", plain(part));
        }
    }
}

/// Returns the line about the selftest of this version.
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
    use crate::finding::Finding;
    use crate::report::sample;

    #[test]
    fn without_a_terminal_there_is_no_escape_sequence_also_not_the_subjects() {
        let text = text(&sample::report(), Look { colour: false, verbose: true });
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("falls short     border.problem"), "{text}");
        assert!(text.contains("1 hold, 1 attested, 1 fall short, 1 unknown"), "{text}");
    }

    #[test]
    fn findings_that_fall_short_come_first_with_their_evidence() {
        let text = text(&sample::report(), Look::default());
        let place = |words: &str| text.find(words).expect(words);
        assert!(
            place("border.problem") < place("life.start") && place("life.start") < place("border.limits"),
            "{text}"
        );
        assert!(text.contains("mend: Mend it."), "{text}");
    }

    #[test]
    fn an_answer_that_several_pieces_are_about_is_shown_once() {
        use crate::clause::web::robots::{RULES, SERVED};
        let pieces = || vec![SERVED.contradicts("gone"), RULES.contradicts("none"), SERVED.contradicts("slow")];
        let told = |bodies: [&str; 3]| {
            let answered =
                pieces().into_iter().zip(bodies).map(|(piece, body)| piece.exchanged("GET /robots.txt", body));
            let finding = Finding::judge("web.robots", answered.collect());
            let mut text = String::new();
            line(&mut text, &Examined { finding, ..sample::report().findings.remove(1) }, Look::default());
            (text.matches("sent GET").count(), text.matches("got ").count())
        };
        assert_eq!(told(["404", "404", "404"]), (1, 1));
        assert_eq!(told(["404", "200", "404"]), (3, 3));
        assert_eq!(told(["", "", ""]), (1, 0), "what is empty is not shown");
    }

    #[test]
    fn requests_that_were_not_answered_as_declared_and_changes_are_shown() {
        let text = text(&sample::compared(), Look::default());
        assert!(text.contains("look (GET /): expected 200, was answered 500"), "{text}");
        assert!(text.contains("newly falls short  border.problem: holds, now falls short"), "{text}");
    }
}

//! An examination as one page that needs nothing else: no script, no font, no picture. The filter by verdict is a radio button for
//! each, and the style sheet.

use keel_catalogue::{Attribute, Catalogue, Kind, source};
use keel_load::page_style::STYLE;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::content::{Examined, Report};
use super::format::{FileFlag, Format, Look};
use super::harm::by_harm;
use super::safe::visible;
use super::words::{mark, told, word};
use crate::finding::{Bearing, Evidence, Verdict};

/// Policy of the page: it loads nothing and runs nothing, for any text of the subject.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The style of the filter: the chosen button hides the sections of the other verdicts.
const FILTER: &str = "
.filter{margin:1rem 0;display:flex;flex-wrap:wrap;gap:.4rem}
body>input{position:absolute;opacity:0}
.filter label{padding:.15rem .7rem;border:1px solid var(--line);border-radius:1rem;cursor:pointer}
#show-bad:checked~section:not(.is-bad),#show-unsure:checked~section:not(.is-unsure),
#show-attested:checked~section:not(.is-attested),#show-good:checked~section:not(.is-good),
#show-decided:checked~section:not(.is-decided),#show-none:checked~section:not(.is-none){display:none}
#show-all:checked~.filter [for=show-all],#show-bad:checked~.filter [for=show-bad],
#show-unsure:checked~.filter [for=show-unsure],#show-attested:checked~.filter [for=show-attested],
#show-good:checked~.filter [for=show-good],#show-decided:checked~.filter [for=show-decided],
#show-none:checked~.filter [for=show-none]{border-color:currentColor;background:var(--card)}
body>input:focus-visible~.filter{outline:2px solid var(--line);outline-offset:.3rem}
dl{margin:.4rem 0;display:grid;grid-template-columns:6rem 1fr;gap:.2rem .8rem}dt{color:var(--soft)}dd{margin:0}
@media (max-width:44rem){dl{display:block}dt:not(:empty){margin-top:.5rem}}
";

pub(super) const FORMAT: Format = Format {
    name: "html",
    file: Some(FileFlag { extension: "html", help: "Also write the report as one HTML page" }),
    render: |report, _: Look| page(report).into_string(),
};

fn page(report: &Report) -> Markup {
    let name = visible(&report.subject);
    let groups = by_harm(report);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "keel: " (name) }
                style { (PreEscaped(STYLE)) (PreEscaped(FILTER)) }
            }
            body {
                h1 { (name) }
                p.soft { code { (visible(&report.command)) } " at " code { (visible(&report.url)) } }
                (score(report))
                (changes(report))
                (first_try(report))
                input type="radio" name="show" id="show-all" checked;
                @for (verdict, _) in &groups {
                    input type="radio" name="show" id={ "show-" (class_of(*verdict)) };
                }
                p.filter {
                    label for="show-all" { "all " (report.findings.len()) }
                    @for (verdict, group) in &groups {
                        label for={ "show-" (class_of(*verdict)) } class=(class_of(*verdict)) {
                            (word(*verdict)) " " (group.len())
                        }
                    }
                }
                @for (verdict, group) in &groups {
                    section class={ "is-" (class_of(*verdict)) } {
                        h2 { (word(*verdict)) " (" (group.len()) ")" }
                        @for examined in group { (attribute(examined)) }
                    }
                }
            }
        }
    }
}

fn changes(report: &Report) -> Markup {
    html! {
        @if let Some(changes) = &report.changes {
            h2 { "Changes" }
            p.soft { (visible(&changes.summary())) "." }
            @for (title, list) in changes.parts() {
                @for change in list { p { b { (title) } " " (visible(&change.told())) } }
            }
        }
    }
}

fn first_try(report: &Report) -> Markup {
    let departures: Vec<_> = report.first_try.iter().flat_map(|first_try| &first_try.departures).collect();
    html! {
        @if !departures.is_empty() {
            h2 { "Not answered as declared" }
            p.soft { "Each declared request was sent once before anything was done to the service." }
            @for departure in departures { p { (visible(&departure.to_string())) } }
        }
    }
}

fn score(report: &Report) -> Markup {
    html! {
        div.bar {
            @for (count, verdict) in report.score.parts().into_iter().filter(|(count, _)| *count > 0) {
                i class=(class_of(verdict)) style={ "flex:" (count) } {}
            }
        }
        p.key {
            @for (count, verdict) in report.score.parts() {
                span class=(class_of(verdict)) { (count) " " (word(verdict)) }
            }
        }
        p.soft {
            (report.examined) " of the catalogue's " (report.catalogue) " attributes examined in "
            (format!("{:.0}", report.took_seconds)) " s by keel " (report.keel) ", started " (report.started) "."
            @for contradiction in &report.contradictions { " " (visible(contradiction)) "." }
            @if let Some(selftest) = &report.selftest { " " (visible(&selftest.told())) }
            @if report.interrupted { " The examination was interrupted." }
        }
    }
}

fn attribute(examined: &Examined) -> Markup {
    let finding = &examined.finding;
    html! {
        details open[finding.verdict() == Verdict::FallsShort] {
            summary {
                span class=(class_of(finding.verdict())) { (word(finding.verdict())) }
                code { (visible(finding.id())) }
                span { (visible(finding.summary())) }
            }
            div.inside {
                @for piece in finding.evidence() { (evidence(piece)) }
                @if let Some(mend) = &examined.mend { p { b { "Mend:" } " " (prose(mend)) } }
                @if examined.script.is_some() { p { b { "Reproduce:" } " " code { "keel repro " (finding.id()) } } }
                (explanation(examined))
            }
        }
    }
}

/// The catalogue's words on the attribute: what `keel explain` prints.
fn explanation(examined: &Examined) -> Markup {
    let attribute = Catalogue::embedded().get(examined.finding.id());
    let clauses = |attribute: &Attribute| -> Vec<String> {
        let told = |clause: &keel_catalogue::Clause| {
            let control = clause.control.as_ref().map_or_else(String::new, |control| format!(" (control: {control})"));
            format!("{}: {}{control}", clause.id, clause.text)
        };
        attribute.clauses().iter().map(told).collect()
    };
    html! {
        dl {
            dt { "Holds when" } dd { (prose(examined.statement.as_str())) }
            @if let Some(attribute) = attribute {
                @for (number, clause) in clauses(attribute).iter().enumerate() {
                    dt { @if number == 0 { "Clauses" } } dd { (prose(clause)) }
                }
                @for (name, said) in [
                    ("Why", attribute.why.as_str()),
                    ("Applies", &attribute.applies),
                    ("Proven", &proven(attribute)),
                    ("Mend", if examined.mend.is_some() { "" } else { &attribute.mend }),
                    ("Sources", &sources(attribute)),
                ] {
                    @if !said.trim().is_empty() { dt { (name) } dd { (prose(said)) } }
                }
            }
        }
    }
}

/// Text of the catalogue, with code between backticks. An odd backtick stays as it is.
fn prose(text: &str) -> Markup {
    let pieces: Vec<&str> = text.split('`').collect();
    let last = pieces.len() - 1;
    html! {
        @for (number, piece) in pieces.iter().enumerate() {
            @match (number % 2 == 1, number == last) {
                (false, _) => (piece),
                (true, false) => code { (piece) },
                (true, true) => { "`" (piece) },
            }
        }
    }
}

fn proven(attribute: &Attribute) -> String {
    let kinds: Vec<&str> = attribute.kind.iter().copied().map(Kind::word).collect();
    format!("{}: {}", kinds.join(", "), attribute.proof)
}

fn sources(attribute: &Attribute) -> String {
    let named = |label: &String| format!("{label} {}", source(label).unwrap_or_default()).trim_end().to_owned();
    attribute.sources.iter().map(named).collect::<Vec<_>>().join("; ")
}

fn evidence(piece: &Evidence) -> Markup {
    let class = match piece.bearing() {
        Bearing::For => "good",
        Bearing::Against => "bad",
        Bearing::Gap => "unsure",
        Bearing::Figure => "none",
    };
    html! {
        p { b class=(class) { (mark(piece.bearing())) } " " (visible(&told(piece))) }
        @if piece.sent.is_some() || piece.came_back.is_some() {
            pre {
                @if let Some(sent) = &piece.sent { "sent  " (visible(sent)) "\n" }
                @if let Some(came_back) = &piece.came_back { "got   " (visible(came_back)) }
            }
        }
    }
}

fn class_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "good",
        Verdict::FallsShort => "bad",
        Verdict::Unknown => "unsure",
        Verdict::NotApplicable => "none",
        Verdict::DecidedAgainst => "decided",
        Verdict::Attested => "attested",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_page_needs_nothing_else_and_runs_nothing_of_the_subjects() {
        let page = page(&sample::report()).into_string();
        for outside in ["<script", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert_eq!(page.matches("<details").count(), page.matches("</details>").count());
        assert!(page.contains("default-src 'none'") || page.contains("default-src &#39;none&#39;"), "{page}");
    }

    #[test]
    fn findings_that_fall_short_come_first_and_each_verdict_has_a_button_and_a_section() {
        let page = page(&sample::report()).into_string();
        let place = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words}"));
        assert!(place("<section class=\"is-bad\"") < place("<section class=\"is-unsure\""));
        for class in ["bad", "unsure", "attested", "good", "decided", "none"] {
            assert!(page.contains(&format!("id=\"show-{class}\"")), "{class} has a button");
            assert!(page.contains(&format!("<section class=\"is-{class}\"")), "{class} has a section");
            assert!(
                FILTER.contains(&format!("#show-{class}:checked~section:not(.is-{class})")),
                "{class} can be filtered"
            );
        }
    }

    #[test]
    fn each_attribute_is_explained_by_the_catalogue() {
        let page = page(&sample::report()).into_string();
        let limits = Catalogue::embedded().get("border.limits").expect("it is there");
        let escaped = prose(&limits.why).into_string();
        assert!(page.contains(&escaped) && page.contains("size: ") && page.contains("Sources"), "{escaped}");
    }

    #[test]
    fn text_between_backticks_is_code_and_an_odd_backtick_stays() {
        assert_eq!(prose("set `a<b` now").into_string(), "set <code>a&lt;b</code> now");
        assert_eq!(prose("an odd ` mark").into_string(), "an odd ` mark");
        assert_eq!(prose("`a` and `b`").into_string(), "<code>a</code> and <code>b</code>");
    }

    #[test]
    fn changes_and_requests_that_were_not_answered_as_declared_are_shown() {
        let page = page(&sample::compared()).into_string();
        assert!(page.contains("border.problem: holds, now falls short") && page.contains("look (GET /)"), "{page}");
    }
}

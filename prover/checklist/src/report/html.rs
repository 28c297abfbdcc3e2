//! An examination as one page that needs nothing else: no script, no font, no picture.

use keel_catalogue::Catalogue;
use keel_load::page_style::STYLE;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::content::{Examined, Report, mark, told, word};
use super::format::{FileFlag, Format, Look};
use super::safe::visible;
use crate::finding::{Bearing, Evidence, Verdict};

pub(super) const FORMAT: Format = Format {
    name: "html",
    file: Some(FileFlag { extension: "html", help: "Also write the report as one HTML page" }),
    render: |report, _: Look| page(report).into_string(),
};

fn page(report: &Report) -> Markup {
    let catalogue = Catalogue::embedded();
    let name = visible(&report.subject);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "keel: " (name) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (name) }
                p.soft { code { (visible(&report.command)) } " at " code { (visible(&report.url)) } }
                (score(report))
                @for chapter in report.findings.chunk_by(|a, b| a.chapter == b.chapter) {
                    @let id = &chapter[0].chapter;
                    h2 { (id) ": " (catalogue.chapter(id).map_or("", |known| &known.title)) }
                    @for examined in chapter { (attribute(examined)) }
                }
            }
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
            @if report.interrupted { " The examination was broken off." }
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
                p.soft { (examined.statement) }
                @for piece in finding.evidence() { (evidence(piece)) }
                @if let Some(mend) = &examined.mend { p { b { "Mend:" } " " (mend) } }
                @if examined.script.is_some() { p { b { "Reproduce:" } " " code { "keel repro " (finding.id()) } } }
            }
        }
    }
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
    }
}

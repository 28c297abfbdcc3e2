//! An examination as one page that needs nothing else: no script, no font, no picture. It is well-formed XML too.

use std::fmt::Write;

use super::safe::escaped;
use super::{Examined, Report, word};
use crate::finding::{Evidence, Verdict};
use keel_catalogue::Catalogue;

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1d2433; --paper: #fff; --soft: #5d677a; --line: #dfe3ea; --card: #f6f7f9;
  --holds: #1a7f4b; --short: #c0352b; --unknown: #9a6b00; --na: #6b7484; --decided: #1f6f9f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ef; --paper: #14171c; --soft: #9aa4b5; --line: #2b313b;
  --card: #1c2128; --holds: #4cc38a; --short: #ff7b72; --unknown: #e0a82e; --na: #8b95a5; --decided: #6cb6e8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); } code, pre { font: 13px/1.45 ui-monospace, monospace; }
.bar { display: flex; height: .7rem; margin: 1rem 0 .4rem; border-radius: .35rem; overflow: hidden; gap: 2px; }
.bar i { display: block; } .key { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .35rem 0; background: var(--card); }
summary { display: grid; grid-template-columns: 8.5rem 12rem 1fr; gap: .8rem; padding: .45rem .7rem; cursor: pointer; }
summary::marker { content: ''; } .id { font-family: ui-monospace, monospace; font-size: 13px; }
.inside { padding: .2rem .9rem .8rem; border-top: 1px solid var(--line); }
pre { margin: .3rem 0 .6rem; padding: .5rem .7rem; background: var(--paper); border-radius: .3rem; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.holds { color: var(--holds); } .short { color: var(--short); } .unknown { color: var(--unknown); }
.na { color: var(--na); } .decided { color: var(--decided); } .v { font-weight: 600; }
@media (max-width: 44rem) { summary { grid-template-columns: 1fr; gap: 0; } }
";

/// The whole page.
pub fn text(report: &Report) -> String {
    let (name, catalogue) = (escaped(&report.subject), Catalogue::embedded());
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" \
         content=\"width=device-width\"/><title>keel: {name}</title><style>{STYLE}</style></head><body>\n\
         <h1>{name}</h1>\n<p class=\"soft\"><code>{}</code> at <code>{}</code></p>\n",
        escaped(&report.command),
        escaped(&report.url),
    );
    summary(&mut page, report);
    for chapter in report.findings.chunk_by(|a, b| a.chapter == b.chapter) {
        let id = &chapter[0].chapter;
        let title = catalogue.chapters.iter().find(|known| known.chapter == *id).map_or("", |known| &known.title);
        let _ = writeln!(page, "<h2>{}: {}</h2>", escaped(id), escaped(title));
        for examined in chapter {
            attribute(&mut page, examined);
        }
    }
    page.push_str("</body></html>\n");
    page
}

fn summary(page: &mut String, report: &Report) {
    page.push_str("<div class=\"bar\">");
    for (count, verdict) in report.score.parts().into_iter().filter(|(count, _)| *count > 0) {
        let class = class_of(verdict);
        let _ = write!(page, "<i class=\"{class}\" style=\"flex:{count};background:currentColor\"></i>");
    }
    page.push_str("</div>\n<div class=\"key\">");
    for (count, verdict) in report.score.parts() {
        let _ = write!(page, "<span class=\"{}\"><b>{count}</b> {}</span>", class_of(verdict), word(verdict));
    }
    let _ = writeln!(
        page,
        "</div>\n<p class=\"soft\">{} of the catalogue's {} attributes examined in {:.0} s by keel {}, started {}.{}</p>",
        report.findings.len(),
        report.catalogue,
        report.took_seconds,
        escaped(&report.keel),
        escaped(&report.started),
        if report.interrupted { " The examination was broken off." } else { "" },
    );
}

fn attribute(page: &mut String, examined: &Examined) {
    let finding = &examined.finding;
    let open = if finding.verdict == Verdict::FallsShort { " open=\"open\"" } else { "" };
    let _ = writeln!(
        page,
        "<details{open}><summary><span class=\"v {}\">{}</span><span class=\"id\">{}</span><span>{}</span></summary>\
         <div class=\"inside\"><p class=\"soft\">{}</p>",
        class_of(finding.verdict),
        word(finding.verdict),
        escaped(&finding.id),
        escaped(&finding.summary),
        escaped(&examined.statement),
    );
    for piece in &finding.evidence {
        evidence(page, piece);
    }
    if let Some(mend) = &examined.mend {
        let _ = writeln!(page, "<p><b>Mend:</b> {}</p>", escaped(mend));
    }
    page.push_str("</div></details>\n");
}

fn evidence(page: &mut String, piece: &Evidence) {
    let (class, mark) = match piece.good {
        Some(true) => ("holds", "+"),
        Some(false) => ("short", "\u{2212}"),
        None => ("na", "\u{b7}"),
    };
    let _ = writeln!(page, "<p><b class=\"{class}\">{mark}</b> {}</p>", escaped(&piece.what));
    let (sent, came_back) = (piece.sent.as_deref(), piece.came_back.as_deref());
    if sent.is_some() || came_back.is_some() {
        let sent = sent.map(|sent| format!("sent  {}\n", escaped(sent))).unwrap_or_default();
        let came_back = came_back.map(|got| format!("got   {}", escaped(got))).unwrap_or_default();
        let _ = writeln!(page, "<pre>{sent}{came_back}</pre>");
    }
}

fn class_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::FallsShort => "short",
        Verdict::Unknown => "unknown",
        Verdict::NotApplicable => "na",
        Verdict::DecidedAgainst => "decided",
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_page_needs_nothing_else_and_runs_nothing_of_the_subjects() {
        let page = text(&sample::report());
        for outside in ["<script", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert_eq!(page.matches("<details").count(), page.matches("</details>").count());
    }
}

//! The document around the sections of a page.

use std::time::SystemTime;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use telemetry::Timestamp;

use super::about::About;
use super::page::Page;
use super::section::Section;

const STYLE: &str = include_str!("console.css");
const SCRIPT: &str = include_str!("console.js");

/// A sentence about the act before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The sentence.
    pub text: String,
    /// False for an act that was refused.
    pub is_good: bool,
}

/// Returns the Content Security Policy of a page with this nonce: its own script and style, its own stream, forms to its own origin, and nothing else.
pub fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}

pub(super) fn document(
    about: &About,
    page: &Page,
    sections: &[Section],
    forms: &Markup,
    nonce: &str,
    notice: Option<&Notice>,
) -> Markup {
    let is_here = |other: &Page| other == page || matches!((other, page), (Page::Tables, Page::Table(_)));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title()) " \u{b7} " (about.name) }
                style nonce=(nonce) { (PreEscaped(STYLE)) }
            }
            body data-page=(page.path()) data-live[page.is_live()] {
                a.skip href="#main" { "Skip to the content" }
                header {
                    p.name { strong { (about.name) } " " span.soft { (about.version) " on " (about.host) } }
                    nav aria-label="Pages" {
                        @for other in &Page::ALL {
                            a href=(other.href()) aria-current=[is_here(other).then_some("page")] { (other.title()) }
                        }
                    }
                }
                main #main {
                    div.head {
                        h1 { (page.title()) }
                        p.soft #state role="status" { "As of " (now()) " UTC" }
                        @if page.is_live() { a.refresh href=(page.href()) { "Refresh" } }
                    }
                    @if let Some(notice) = notice { p.notice.bad[!notice.is_good] role="status" { (notice.text) } }
                    @if sections.is_empty() { p { "This service has nothing to show here." } }
                    @for section in sections {
                        section {
                            h2 #{ "title-" (section.id) } { (section.title) }
                            div.wide tabindex="0" role="region" aria-labelledby={ "title-" (section.id) } {
                                div #{ "live-" (section.id) } { (PreEscaped(&section.html)) }
                            }
                        }
                    }
                    (forms)
                }
                script nonce=(nonce) { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn now() -> String {
    let text = Timestamp(SystemTime::now()).to_string();
    text.get(11..19).unwrap_or_default().to_owned()
}

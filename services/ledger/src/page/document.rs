//! The frame around every page, and its answer.

use evenkeel::axum::http::{HeaderValue, header};
use evenkeel::prelude::*;
use maud::{DOCTYPE, Markup, html};

use super::notice::Notice;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// A whole document; `person` is who has signed in.
pub(super) fn document(title: &str, person: Option<&str>, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " \u{b7} Ledger" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                header {
                    h1 { "Ledger" }
                    @if let Some(person) = person {
                        form.inline method="post" action="/sign-out" {
                            span.soft { "Signed in as " strong { (person) } }
                            button { "Sign out" }
                        }
                    }
                }
                main { (main) }
            }
        }
    }
}

/// The sentence about the last form.
pub(super) fn said(notice: Option<Notice>) -> Markup {
    html! {
        @if let Some(notice) = notice {
            p.notice.bad[!notice.is_good()] role="status" { (notice.text()) }
        }
    }
}

/// The answer with a page.
pub(super) fn answer(page: Markup) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (headers, page.into_string()).into_response()
}

//! The entries of an account, page by page.

use evenkeel::axum::Extension;
use evenkeel::axum::http::header;
use evenkeel::prelude::*;
use evenkeel::sessions::Session;
use maud::{Markup, html};
use serde::Deserialize;

use super::document::{answer, document};
use super::money::formatted;
use crate::account::{self, Account, Entry};
use crate::cursor::{Page, Paging};
use crate::error::LedgerError;
use crate::ledger::Ledger;

#[derive(Deserialize)]
pub(super) struct Place {
    cursor: Option<String>,
}

pub(super) async fn show(
    State(ledger): State<Ledger>,
    session: Option<Extension<Session>>,
    Path(id): Path<String>,
    Query(place): Query<Place>,
) -> Result<Response, LedgerError> {
    let Some(Extension(session)) = session else {
        return Ok((StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response());
    };
    let Json(account) = account::one(State(ledger.clone()), Path(id.clone())).await?;
    let is_first = place.cursor.is_none();
    let Json(entries) = account::entries(State(ledger), Path(id), Query(Paging::after(place.cursor))).await?;
    Ok(answer(page(session.subject(), &account, &entries, is_first)))
}

fn page(person: &str, account: &Account, entries: &Page<Entry>, is_first: bool) -> Markup {
    let own = format!("/accounts/{}", account.id);
    document(
        "Entries",
        Some(person),
        &html! {
            nav aria-label="Breadcrumb" { a href="/" { "All accounts" } }
            section aria-labelledby="entries" {
                h2 #entries { "Entries of " code { (account.id) } }
                p { "Balance: " strong { (formatted(account.balance, &account.currency)) " " (account.currency) } }
                @if entries.items.is_empty() { p.soft { "There are none here." } }
                @else { (table(account, &entries.items)) }
                nav.pages aria-label="Pages" {
                    @if !is_first { a href=(own) { "First page" } }
                    @if let Some(next) = &entries.next { a rel="next" href=(format!("{own}?cursor={next}")) { "Next page" } }
                }
            }
        },
    )
}

fn table(account: &Account, entries: &[Entry]) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Table of entries" { table.pairs {
            thead {
                tr {
                    th scope="col" { "Transfer" }
                    th scope="col" { "Time" }
                    th.number scope="col" { "Amount (" (account.currency) ")" }
                }
            }
            tbody {
                @for entry in entries {
                    tr {
                        th scope="row" { code { (entry.transfer) } }
                        td { time datetime=(entry.created_at) { (seconds(&entry.created_at)) } }
                        td.number { (formatted(entry.amount, &account.currency)) }
                    }
                }
            }
        } }
    }
}

/// A time of RFC 3339 without fractions of seconds, with a space before the time of day.
fn seconds(time: &str) -> String {
    let whole = time.split('.').next().unwrap_or(time).trim_end_matches('Z');
    format!("{} UTC", whole.replace('T', " "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_time_is_shown_to_the_second() {
        for time in ["2026-11-30T05:11:24.123456Z", "2026-11-30T05:11:24Z"] {
            assert_eq!(super::seconds(time), "2026-11-30 05:11:24 UTC");
        }
    }
}

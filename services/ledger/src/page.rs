//! The one page for people: look at accounts, open one, make a transfer. No script, no inline style.

use std::fmt::Write as _;

use evenkeel::axum::Form;
use evenkeel::axum::http::{HeaderMap, HeaderValue, header};
use evenkeel::prelude::*;
use evenkeel::{store, vitals};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::Ledger;
use crate::account::{self, Account, NewAccount};
use crate::cursor::Paging;
use crate::error::LedgerError;
use crate::transfer::{self, NewTransfer};

const STYLE: &str = include_str!("page.css");
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The page, its style and its forms.
pub fn routes() -> Router<Ledger> {
    Router::new()
        .route("/", get(show))
        .route("/style.css", get(style))
        .route("/accounts", post(open_account))
        .route("/transfers", post(make_transfer))
}

#[derive(Deserialize)]
struct Shown {
    said: Option<String>,
}

#[derive(Deserialize)]
struct AccountForm {
    key: String,
    currency: String,
    overdraft: i64,
}

#[derive(Deserialize)]
struct TransferForm {
    key: String,
    from: String,
    to: String,
    amount: i64,
}

async fn show(State(ledger): State<Ledger>, Query(shown): Query<Shown>) -> Result<Response, LedgerError> {
    let accounts = account::page(&ledger.store, &Paging::default()).await?;
    let notice = shown.said.as_deref().and_then(notice_of);
    let page = page(&accounts.items, accounts.next.is_some(), notice);
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    ];
    Ok((headers, page.into_string()).into_response())
}

async fn style(headers: HeaderMap) -> Response {
    let tag = etag(STYLE);
    let cached = [(header::CACHE_CONTROL, "public, max-age=3600".to_owned()), (header::ETAG, tag.clone())];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|known| known.trim() == tag || known.trim() == "*")) {
        return (StatusCode::NOT_MODIFIED, cached).into_response();
    }
    (cached, [(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

fn etag(text: &str) -> String {
    let hash = Sha256::digest(text);
    hash.iter().take(8).fold(String::from("\""), |mut tag, byte| {
        let _ = write!(tag, "{byte:02x}");
        tag
    }) + "\""
}

async fn open_account(
    State(ledger): State<Ledger>,
    headers: HeaderMap,
    Form(form): Form<AccountForm>,
) -> Result<Response, LedgerError> {
    refuse_cross_site(&headers)?;
    let body = NewAccount { currency: form.currency, overdraft: form.overdraft };
    body.check()?;
    let text = format!("{} {}", body.currency, body.overdraft);
    let request = named("/accounts", &form.key, &text, body)?;
    Ok(back(&account::open_once(&ledger.store, &request).await?))
}

async fn make_transfer(
    State(ledger): State<Ledger>,
    headers: HeaderMap,
    Form(form): Form<TransferForm>,
) -> Result<Response, LedgerError> {
    refuse_cross_site(&headers)?;
    let body = NewTransfer { from: form.from, to: form.to, amount: form.amount };
    body.check()?;
    let text = format!("{} {} {}", body.from, body.to, body.amount);
    let request = named("/transfers", &form.key, &text, body)?;
    Ok(back(&transfer::make_once(&ledger.store, &request).await?))
}

/// A form's request, named by the key that the page gave it: sent twice it takes effect once.
fn named<T>(path: &str, key: &str, text: &str, body: T) -> Result<Idempotent<T>, LedgerError> {
    let key = key.parse().map_err(|error| LedgerError::invalid("key", error))?;
    let fingerprint = store::Fingerprint::of(&[b"FORM", path.as_bytes(), text.as_bytes()]);
    Ok(Idempotent { key, fingerprint, body })
}

/// A browser says where a form comes from; one from elsewhere is refused (Fetch Metadata; Origin for older browsers).
fn refuse_cross_site(headers: &HeaderMap) -> Result<(), LedgerError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let ours = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) == text("host"),
        (None, None) => true,
    };
    if ours {
        return Ok(());
    }
    let detail = "the form comes from another site; send it from the ledger's own page";
    Err(LedgerError::Refused(Problem::new(StatusCode::FORBIDDEN, detail)))
}

/// Back to the page, so that a reload repeats nothing.
fn back(recorded: &store::Recorded) -> Response {
    let said = if recorded.answer.status < 300 { "done" } else { "refused" };
    (StatusCode::SEE_OTHER, [(header::LOCATION, format!("/?said={said}"))]).into_response()
}

fn notice_of(said: &str) -> Option<(&'static str, &'static str)> {
    match said {
        "done" => Some(("good", "Done.")),
        "refused" => Some(("bad", "Refused: no such account, another currency, or not enough money.")),
        _ => None,
    }
}

fn page(accounts: &[Account], more: bool, notice: Option<(&str, &str)>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "Ledger" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                h1 { "Ledger" }
                @if let Some((class, text)) = notice { p.notice.(class) role="status" { (text) } }
                h2 { "Accounts" }
                (accounts_table(accounts))
                @if more { p.soft { "The first fifty; the rest are at /v1/accounts." } }
                (transfer_form(accounts))
                (account_form())
            }
        }
    }
}

fn accounts_table(accounts: &[Account]) -> Markup {
    html! {
        @if accounts.is_empty() { p.soft { "There are none yet. Open one below." } }
        @else {
            div.wide { table {
                thead { tr { th { "Account" } th { "Currency" } th.number { "Balance" } th.number { "Overdraft" } } }
                tbody {
                    @for account in accounts {
                        tr {
                            td { code { (account.id) } }
                            td { (account.currency) }
                            td.number { (account.balance) }
                            td.number { (account.overdraft) }
                        }
                    }
                }
            } }
            p.soft { "Amounts are in minor units: cents, for euros." }
        }
    }
}

fn transfer_form(accounts: &[Account]) -> Markup {
    let options = |name: &str| {
        html! {
            select name=(name) required {
                @for account in accounts {
                    option value=(account.id) { (account.currency) " \u{b7} " (account.id) " \u{b7} " (account.balance) }
                }
            }
        }
    };
    html! {
        h2 { "Transfer" }
        form method="post" action="/transfers" {
            input type="hidden" name="key" value=(vitals::new_id("form"));
            label { "From " (options("from")) }
            label { "To " (options("to")) }
            label { "Amount " input type="number" name="amount" min="1" step="1" required; }
            button disabled[accounts.len() < 2] { "Transfer" }
        }
    }
}

fn account_form() -> Markup {
    html! {
        h2 { "Open an account" }
        form method="post" action="/accounts" {
            input type="hidden" name="key" value=(vitals::new_id("form"));
            label { "Currency " input name="currency" value="EUR" pattern="[A-Z]{3}" maxlength="3" required; }
            label { "Overdraft " input type="number" name="overdraft" value="0" min="0" step="1" required; }
            button { "Open" }
        }
    }
}

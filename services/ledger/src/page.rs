//! The one page for people: list accounts, open one, make a transfer. No script, no inline style.
//!
//! - `view`: the HTML.
//! - `form`: submitted forms, and the check of their origin.
//! - `notice`: the message after a form.
//!
//! Every form is answered with 303 back to the page, so that a reload repeats nothing.

use evenkeel::axum::http::{HeaderValue, header};
use evenkeel::prelude::*;
use serde::Deserialize;

use crate::account;
use crate::cursor::Paging;
use crate::error::LedgerError;
use crate::ledger::Ledger;

mod form;
mod notice;
mod view;

use notice::Notice;

const STYLE: &str = include_str!("page/page.css");
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The page, its style and its forms.
pub fn routes() -> Router<Ledger> {
    Router::new()
        .route("/", get(show))
        .route("/style.css", get(style))
        .route("/accounts", post(form::open_account))
        .route("/transfers", post(form::make_transfer))
}

#[derive(Deserialize)]
struct Shown {
    said: Option<String>,
}

async fn show(State(ledger): State<Ledger>, Query(shown): Query<Shown>) -> Result<Response, LedgerError> {
    let accounts = account::page(&ledger.store, &Paging::default()).await?;
    let notice = shown.said.as_deref().and_then(Notice::named);
    let page = view::page(&accounts.items, accounts.next.is_some(), notice);
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    ];
    Ok((headers, page.into_string()).into_response())
}

async fn style() -> Response {
    let headers = [(header::CACHE_CONTROL, "public, max-age=3600"), (header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (headers, STYLE).into_response()
}

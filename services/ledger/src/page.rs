//! The pages for people: sign in, list accounts, open one, make a transfer, look at entries, sign out. No script, no inline style.
//!
//! - `sign_in`: the session. The identity is a demonstration: any name is accepted, and every person sees every account.
//! - `document`, `view`, `entries`: the HTML.
//! - `form`: submitted forms. The border refuses those of other sites.
//! - `notice`: the message after a form.
//! - `money`: amounts as people write them.
//!
//! Every form is answered with 303 back to the page, so that a reload repeats nothing.

use evenkeel::axum::Extension;
use evenkeel::axum::http::header;
use evenkeel::prelude::*;
use evenkeel::sessions::Session;
use serde::Deserialize;

use crate::account;
use crate::cursor::Paging;
use crate::error::LedgerError;
use crate::ledger::Ledger;

mod document;
mod entries;
mod form;
mod money;
mod notice;
mod sign_in;
mod view;

use document::answer;
use notice::Notice;

const STYLE: &str = include_str!("page/page.css");

/// The pages, their style and their forms.
pub fn routes() -> Router<Ledger> {
    Router::new()
        .route("/", get(show))
        .route("/style.css", get(style))
        .route("/sign-in", post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .route("/accounts", post(form::open_account))
        .route("/accounts/{id}", get(entries::show))
        .route("/transfers", post(form::make_transfer))
}

#[derive(Deserialize)]
struct Shown {
    said: Option<String>,
    cursor: Option<String>,
}

async fn show(
    State(ledger): State<Ledger>,
    session: Option<Extension<Session>>,
    Query(shown): Query<Shown>,
) -> Result<Response, LedgerError> {
    let notice = shown.said.as_deref().and_then(Notice::named);
    let Some(Extension(session)) = session else { return Ok(answer(sign_in::page(notice))) };
    let accounts = account::page(&ledger, &Paging::after(shown.cursor)).await?;
    Ok(answer(view::page(session.subject(), &accounts, notice)))
}

async fn style() -> Response {
    let headers = [(header::CACHE_CONTROL, "public, max-age=3600"), (header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (headers, STYLE).into_response()
}

//! Sign-in and sign-out. The identity is a demonstration: any name is accepted.

use evenkeel::axum::Form;
use evenkeel::axum::extract::rejection::FormRejection;
use evenkeel::axum::http::header;
use evenkeel::prelude::*;
use evenkeel::sessions::SignedIn;
use maud::{Markup, html};
use serde::Deserialize;

use super::document::{document, said};
use super::notice::Notice;
use crate::error::LedgerError;
use crate::ledger::Ledger;

/// The most letters of a name.
const MAX_NAME: usize = 60;

#[derive(Deserialize)]
pub(super) struct SignInForm {
    name: String,
}

/// The page of a stranger.
pub(super) fn page(notice: Option<Notice>) -> Markup {
    document(
        "Sign in",
        None,
        &html! {
            (said(notice))
            section.narrow aria-labelledby="sign-in" {
                h2 #sign-in { "Sign in" }
                form method="post" action="/sign-in" {
                    label {
                        span { "Name" }
                        input name="name" autocomplete="username" maxlength=(MAX_NAME) required;
                    }
                    p.soft { "This is a demonstration: any name is accepted, without a password." }
                    button { "Sign in" }
                }
            }
        },
    )
}

/// Signs in, and forgets the session before.
pub(super) async fn enter(
    State(ledger): State<Ledger>,
    form: Result<Form<SignInForm>, FormRejection>,
) -> Result<Response, LedgerError> {
    let Ok(Form(form)) = form else { return Ok(Notice::NoName.shown()) };
    let name = form.name.trim();
    let is_name = !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
    if !is_name {
        return Ok(Notice::NoName.shown());
    }
    let cookie = ledger.sessions.sign_in(name).map_err(LedgerError::Refused)?;
    Ok(([(header::SET_COOKIE, cookie)], back()).into_response())
}

/// Ends the session.
pub(super) async fn leave(
    State(ledger): State<Ledger>,
    session: Result<SignedIn, Problem>,
) -> Result<Response, LedgerError> {
    let Ok(SignedIn(session)) = session else { return Ok(back()) };
    let removal = ledger.sessions.sign_out(&session).await.map_err(LedgerError::Refused)?;
    Ok(([(header::SET_COOKIE, removal)], Notice::SignedOut.shown()).into_response())
}

fn back() -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response()
}

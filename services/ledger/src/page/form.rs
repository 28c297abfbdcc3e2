//! Forms that people send, each with a key that the page gave it and in a session. The border refuses forms of other sites.

use evenkeel::axum::Form;
use evenkeel::axum::extract::rejection::FormRejection;
use evenkeel::prelude::*;
use evenkeel::sessions::SignedIn;
use evenkeel::store;
use serde::Deserialize;

use super::money::parsed;
use super::notice::Notice;
use crate::account::{self, NewAccount};
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::transfer::{self, NewTransfer};

#[derive(Deserialize)]
pub(super) struct AccountForm {
    key: String,
    currency: String,
    overdraft: String,
}

#[derive(Deserialize)]
pub(super) struct TransferForm {
    key: String,
    from: String,
    to: String,
    amount: String,
}

/// Submitted form; a form whose fields cannot be read is a person's mistake, not a client's.
type Sent<T> = Result<Form<T>, FormRejection>;

pub(super) async fn open_account(
    State(ledger): State<Ledger>,
    session: Result<SignedIn, Problem>,
    form: Sent<AccountForm>,
) -> Result<Response, LedgerError> {
    if session.is_err() {
        return Ok(Notice::SignInFirst.shown());
    }
    let Ok(Form(form)) = form else { return Ok(Notice::NotOpened.shown()) };
    let Some(overdraft) = parsed(&form.overdraft, &form.currency) else { return Ok(Notice::NotOpened.shown()) };
    let body = NewAccount { currency: form.currency, overdraft };
    if let Err(error) = body.check() {
        return Notice::NotOpened.instead_of(error);
    }
    let text = format!("{} {}", body.currency, body.overdraft);
    let request = named("/accounts", &form.key, &text, body)?;
    account::open_once(&ledger.store, &request).await?;
    Ok(Notice::Opened.shown())
}

pub(super) async fn make_transfer(
    State(ledger): State<Ledger>,
    session: Result<SignedIn, Problem>,
    form: Sent<TransferForm>,
) -> Result<Response, LedgerError> {
    if session.is_err() {
        return Ok(Notice::SignInFirst.shown());
    }
    let Ok(Form(form)) = form else { return Ok(Notice::NotMoved.shown()) };
    // The digits after the point are those of the paying account's currency.
    let Ok(Json(paying)) = account::one(State(ledger.clone()), Path(form.from.clone())).await else {
        return Ok(Notice::NotMoved.shown());
    };
    let Some(amount) = parsed(&form.amount, &paying.currency) else { return Ok(Notice::NotMoved.shown()) };
    let body = NewTransfer { from: form.from, to: form.to, amount };
    if let Err(error) = body.check() {
        return Notice::NotMoved.instead_of(error);
    }
    let text = format!("{} {} {}", body.from, body.to, body.amount);
    let request = named("/transfers", &form.key, &text, body)?;
    let made = transfer::make_once(&ledger.store, &request).await?;
    Ok(Notice::of_transfer(&made).shown())
}

/// A form's request, named by the key that the page gave it: sent twice it takes effect once.
fn named<T>(path: &str, key: &str, text: &str, body: T) -> Result<Idempotent<T>, LedgerError> {
    let key = key.parse().map_err(|error| LedgerError::invalid("key", error))?;
    let fingerprint = store::Fingerprint::of(&[b"FORM", path.as_bytes(), text.as_bytes()]);
    Ok(Idempotent { key, fingerprint, body })
}

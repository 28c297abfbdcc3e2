//! Forms that people send, each with a key that the page gave it, from this page alone.

use evenkeel::axum::Form;
use evenkeel::axum::extract::rejection::FormRejection;
use evenkeel::axum::http::HeaderMap;
use evenkeel::prelude::*;
use evenkeel::store;
use serde::Deserialize;

use super::notice::Notice;
use crate::account::{self, NewAccount};
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::transfer::{self, NewTransfer};

#[derive(Deserialize)]
pub(super) struct AccountForm {
    key: String,
    currency: String,
    overdraft: i64,
}

#[derive(Deserialize)]
pub(super) struct TransferForm {
    key: String,
    from: String,
    to: String,
    amount: i64,
}

/// Submitted form; a form whose fields cannot be read is a person's mistake, not a client's.
type Sent<T> = Result<Form<T>, FormRejection>;

pub(super) async fn open_account(
    State(ledger): State<Ledger>,
    headers: HeaderMap,
    form: Sent<AccountForm>,
) -> Result<Response, LedgerError> {
    refuse_cross_site(&headers)?;
    let Ok(Form(form)) = form else { return Ok(Notice::NotOpened.shown()) };
    let body = NewAccount { currency: form.currency, overdraft: form.overdraft };
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
    headers: HeaderMap,
    form: Sent<TransferForm>,
) -> Result<Response, LedgerError> {
    refuse_cross_site(&headers)?;
    let Ok(Form(form)) = form else { return Ok(Notice::NotMoved.shown()) };
    let body = NewTransfer { from: form.from, to: form.to, amount: form.amount };
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

/// Refuses cross-site forms: a browser sends the origin of a form (Fetch Metadata; Origin for older browsers).
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

//! Transfers: money from one account to another, once.

use evenkeel::prelude::*;
use evenkeel::{Valid, store, utoipa, vitals};
use serde::{Deserialize, Serialize};

use crate::clock::{now_micros, timestamp};
use crate::cursor::{Page, Paging, Position};
use crate::error::{LedgerError, recorded_refusal};
use crate::id;
use crate::ledger::Ledger;
use crate::posting::{MAX_AMOUNT, POSTING, Posted, Posting, post};

/// Request for a transfer.
#[derive(Clone, Debug, Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTransfer {
    /// The account the money leaves.
    #[garde(skip)]
    pub from: String,
    /// The account the money reaches; of the same currency.
    #[garde(custom(not_the(&self.from)))]
    pub to: String,
    /// Minor units: a whole number, never a fraction.
    #[garde(range(min = 1, max = MAX_AMOUNT))]
    #[serde(deserialize_with = "crate::amount::amount")]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000_i64)]
    pub amount: i64,
}

/// A transfer that was made.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Transfer {
    /// Its id; cannot be guessed.
    pub id: String,
    /// The account the money left.
    pub from: String,
    /// The account the money reached.
    pub to: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// RFC 3339.
    pub created_at: String,
}

impl NewTransfer {
    /// Checks that the transfer can be made.
    ///
    /// # Errors
    /// The invalid field, with the reason.
    pub fn check(&self) -> Result<(), LedgerError> {
        Valid::check(self).map_err(LedgerError::Refused)
    }
}

/// Refuses the account that the money comes from.
fn not_the(from: &str) -> impl FnOnce(&String, &()) -> garde::Result {
    move |to, _context| match to == from {
        true => Err(garde::Error::new("it is the account that the money comes from")),
        false => Ok(()),
    }
}

/// Make a transfer
#[utoipa::path(post, operation_id = "make_transfer", path = "/v1/transfers", request_body = NewTransfer,
    params(("Idempotency-Key" = String, Header, description = "Names the request, in 1 to 255 visible ASCII characters: a repetition has no second effect")),
    responses((status = 201, body = Transfer)))]
pub async fn make(
    State(ledger): State<Ledger>,
    request: Idempotent<Valid<NewTransfer>>,
) -> Result<Response, LedgerError> {
    make_once(&ledger.store, &request.into_inner()).await.map(recorded)
}

/// Makes a transfer once for each key; a refusal is remembered too.
///
/// # Errors
/// The store's.
pub async fn make_once(store: &Store, request: &Idempotent<NewTransfer>) -> Result<store::Recorded, LedgerError> {
    let new = &request.body;
    store
        .once_at(POSTING, &request.key, request.fingerprint, |tx| {
            let new = new.clone();
            Box::pin(async move {
                match transfer_in(tx, &new).await? {
                    Ok(transfer) => {
                        let location = format!("/v1/transfers/{}", transfer.id);
                        Ok(OnceOutcome::Commit(StoredResponse::json(201, &transfer)?.header("location", location)))
                    }
                    Err(refusal) => Ok(OnceOutcome::Refuse(recorded_refusal(&refusal)?)),
                }
            })
        })
        .await
}

async fn transfer_in(tx: &mut Transaction, new: &NewTransfer) -> Result<Result<Transfer, Problem>, LedgerError> {
    let Some(currency) = currency_of(tx, &new.from).await? else { return Ok(Err(no_account("from"))) };
    let Some(other) = currency_of(tx, &new.to).await? else { return Ok(Err(no_account("to"))) };
    if currency != other {
        let detail = format!("to: the account is in {other}, the money in {currency}");
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        return Ok(Err(problem.kind("/problems/currency").with("field", "to")));
    }
    let (id, at) = (vitals::new_id("tra"), now_micros());
    let posting = Posting { id, from: new.from.clone(), to: new.to.clone(), amount: new.amount, currency, at };
    match post(tx, &posting).await? {
        Posted::Done => {}
        not_done => return Ok(Err(refusal_of(not_done))),
    }
    let Posting { id, from, to, amount, currency, at } = posting;
    Ok(Ok(Transfer { id, from, to, amount, currency, created_at: timestamp(at) }))
}

/// Returns the problem document for a transfer that moved no money.
pub(crate) fn refusal_of(posted: Posted) -> Problem {
    let (kind, detail) = match posted {
        Posted::TooMuch => ("/problems/too-much", "the receiving account cannot hold so much"),
        Posted::Insufficient | Posted::Done => ("/problems/insufficient-funds", "the account would pass its overdraft"),
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).kind(kind)
}

fn no_account(field: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{field}: there is no such account")).with("field", field)
}

/// The currency of a client's account.
pub(crate) async fn currency_of(tx: &mut Transaction, id: &str) -> Result<Option<String>, StoreError> {
    if !id::is_well_formed(id) {
        return Ok(None);
    }
    let row =
        tx.fetch_optional("SELECT currency FROM accounts WHERE id = $1 AND internal = $2", args![id, false]).await?;
    row.map(|row| row.get("currency")).transpose()
}

/// List transfers
#[utoipa::path(get, operation_id = "list_transfers", path = "/v1/transfers", params(Paging),
    responses((status = 200, body = Page<Transfer>)))]
pub async fn list(
    State(ledger): State<Ledger>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Transfer>>, LedgerError> {
    let list = ledger.cursors.of("transfers").await.map_err(LedgerError::Refused)?;
    let (after, limit) = paging.checked(&list)?;
    let rows = ledger
        .store
        .read(|tx| {
            let after = after.clone();
            Box::pin(async move {
                tx.fetch_all(
                    "SELECT id, from_account, to_account, amount, currency, created_at, checksum FROM transfers \
                     WHERE created_at > $1 OR (created_at = $1 AND id > $2) ORDER BY created_at, id LIMIT $3",
                    args![after.created_at, &after.id, limit + 1],
                )
                .await
            })
        })
        .await?;
    let rows = rows.iter().map(read).collect::<Result<_, StoreError>>()?;
    Page::of(rows, limit, &list).map(Json)
}

/// Get a transfer
#[utoipa::path(get, operation_id = "get_transfer", path = "/v1/transfers/{id}", params(("id" = String, Path)),
    responses((status = 200, body = Transfer), (status = 404)))]
pub async fn one(State(ledger): State<Ledger>, Path(id): Path<String>) -> Result<Json<Transfer>, LedgerError> {
    if !id::is_well_formed(&id) {
        return Err(LedgerError::not_found("transfer"));
    }
    let row = ledger
        .store
        .read(|tx| {
            let id = id.clone();
            Box::pin(async move {
                tx.fetch_optional(
                    "SELECT id, from_account, to_account, amount, currency, created_at, checksum FROM transfers WHERE id = $1",
                    args![&id],
                )
                .await
            })
        })
        .await?;
    let row = row.ok_or_else(|| LedgerError::not_found("transfer"))?;
    Ok(Json(read(&row)?.1))
}

/// Reads a transfer; one that is not as it was written is refused.
fn read(row: &store::Row) -> Result<(Position, Transfer), StoreError> {
    if !row.is_as_written()? {
        let cause = store::ColumnError::invalid("the row is not as it was written: restore it from a backup");
        return Err(StoreError::Column { column: "checksum".to_owned(), cause });
    }
    let (id, created_at): (String, i64) = (row.get("id")?, row.get("created_at")?);
    let transfer = Transfer {
        id: id.clone(),
        from: row.get("from_account")?,
        to: row.get("to_account")?,
        amount: row.get("amount")?,
        currency: row.get("currency")?,
        created_at: timestamp(created_at),
    };
    Ok((Position { created_at, id }, transfer))
}

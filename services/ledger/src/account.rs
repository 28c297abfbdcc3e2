//! Accounts: a currency, an overdraft, a balance.

use evenkeel::prelude::*;
use evenkeel::{Valid, store, utoipa, vitals};
use serde::{Deserialize, Serialize};

use crate::clock::{now_micros, timestamp};
use crate::cursor::{Page, Paging, Position};
use crate::error::LedgerError;
use crate::id;
use crate::ledger::Ledger;
use crate::posting::MAX_AMOUNT;

/// Request to open an account.
#[derive(Clone, Debug, Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// ISO 4217: three capitals.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    #[garde(custom(three_capitals))]
    pub currency: String,
    /// Overdraft limit in minor units: the balance may go this far below zero.
    #[garde(range(min = 0, max = MAX_AMOUNT))]
    #[serde(default, deserialize_with = "crate::amount::overdraft")]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    pub overdraft: i64,
}

/// An account.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Account {
    /// Its id; cannot be guessed.
    pub id: String,
    /// ISO 4217.
    pub currency: String,
    /// Overdraft limit in minor units: the balance may go this far below zero.
    pub overdraft: i64,
    /// Minor units.
    pub balance: i64,
    /// RFC 3339.
    pub created_at: String,
}

/// One side of a transfer.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Entry {
    /// The transfer.
    pub transfer: String,
    /// Minor units; negative when money left the account.
    pub amount: i64,
    /// RFC 3339.
    pub created_at: String,
}

impl NewAccount {
    /// Checks that the account can be opened.
    ///
    /// # Errors
    /// The invalid field, with the reason.
    pub fn check(&self) -> Result<(), LedgerError> {
        Valid::check(self).map_err(LedgerError::Refused)
    }
}

fn three_capitals(currency: &str, _context: &()) -> garde::Result {
    let is_one = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
    is_one.then_some(()).ok_or_else(|| garde::Error::new("it has three capitals, as in EUR"))
}

/// Open an account
#[utoipa::path(post, operation_id = "open_account", path = "/v1/accounts", request_body = NewAccount,
    params(("Idempotency-Key" = String, Header, description = "Names the request, in 1 to 255 visible ASCII characters: a repetition has no second effect")),
    responses((status = 201, body = Account)))]
pub async fn open(
    State(ledger): State<Ledger>,
    request: Idempotent<Valid<NewAccount>>,
) -> Result<Response, LedgerError> {
    open_once(&ledger.store, &request.into_inner()).await.map(recorded)
}

/// Opens an account once for each key.
///
/// # Errors
/// The store's.
pub async fn open_once(store: &Store, request: &Idempotent<NewAccount>) -> Result<store::Recorded, LedgerError> {
    let new = &request.body;
    store
        .once(&request.key, request.fingerprint, |tx| {
            let new = new.clone();
            Box::pin(async move {
                let (id, now) = (vitals::new_id("acc"), now_micros());
                tx.execute(
                    "INSERT INTO accounts (id, currency, overdraft, balance, internal, created_at) \
                     VALUES ($1, $2, $3, 0, $4, $5)",
                    args![&id, &new.currency, new.overdraft, false, now],
                )
                .await?;
                let location = format!("/v1/accounts/{id}");
                let (currency, overdraft) = (new.currency, new.overdraft);
                let account = Account { id, currency, overdraft, balance: 0, created_at: timestamp(now) };
                Ok(OnceOutcome::Commit(StoredResponse::json(201, &account)?.header("location", location)))
            })
        })
        .await
}

/// List accounts
#[utoipa::path(get, operation_id = "list_accounts", path = "/v1/accounts", params(Paging),
    responses((status = 200, body = Page<Account>)))]
pub async fn list(
    State(ledger): State<Ledger>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Account>>, LedgerError> {
    page(&ledger, &paging).await.map(Json)
}

/// A page of accounts, without those of the ledger itself.
///
/// # Errors
/// 400 for paging that cannot be used; the store's.
pub async fn page(ledger: &Ledger, paging: &Paging) -> Result<Page<Account>, LedgerError> {
    let list = ledger.cursors.of("accounts").await.map_err(LedgerError::Refused)?;
    let (after, limit) = paging.checked(&list)?;
    let rows = ledger
        .store
        .read(|tx| {
            let after = after.clone();
            Box::pin(async move {
                tx.fetch_all(
                    "SELECT id, currency, overdraft, balance, created_at FROM accounts \
                     WHERE internal = $1 AND (created_at > $2 OR (created_at = $2 AND id > $3)) \
                     ORDER BY created_at, id LIMIT $4",
                    args![false, after.created_at, &after.id, limit + 1],
                )
                .await
            })
        })
        .await?;
    let rows: Vec<(Position, Account)> = rows.iter().map(read).collect::<Result<_, StoreError>>()?;
    Page::of(rows, limit, &list)
}

/// Get an account
#[utoipa::path(get, operation_id = "get_account", path = "/v1/accounts/{id}", params(("id" = String, Path)),
    responses((status = 200, body = Account), (status = 404)))]
pub async fn one(State(ledger): State<Ledger>, Path(id): Path<String>) -> Result<Json<Account>, LedgerError> {
    if !id::is_well_formed(&id) {
        return Err(LedgerError::not_found("account"));
    }
    let row = ledger
        .store
        .read(|tx| {
            let id = id.clone();
            Box::pin(async move {
                tx.fetch_optional(
                    "SELECT id, currency, overdraft, balance, created_at FROM accounts WHERE id = $1 AND internal = $2",
                    args![&id, false],
                )
                .await
            })
        })
        .await?;
    let row = row.ok_or_else(|| LedgerError::not_found("account"))?;
    Ok(Json(read(&row)?.1))
}

/// List the entries of an account
#[utoipa::path(get, operation_id = "list_entries", path = "/v1/accounts/{id}/entries", params(("id" = String, Path), Paging),
    responses((status = 200, body = Page<Entry>), (status = 404)))]
pub async fn entries(
    State(ledger): State<Ledger>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Entry>>, LedgerError> {
    let list = ledger.cursors.of(format!("entries of {id}")).await.map_err(LedgerError::Refused)?;
    let (after, limit) = paging.checked(&list)?;
    let _exists = one(State(ledger.clone()), Path(id.clone())).await?;
    let rows = ledger
        .store
        .read(|tx| {
            let (id, after) = (id.clone(), after.clone());
            Box::pin(async move {
                tx.fetch_all(
                    "SELECT transfer_id, amount, created_at FROM entries WHERE account_id = $1 \
                     AND (created_at > $2 OR (created_at = $2 AND transfer_id > $3)) \
                     ORDER BY created_at, transfer_id LIMIT $4",
                    args![&id, after.created_at, &after.id, limit + 1],
                )
                .await
            })
        })
        .await?;
    let entry = |row: &store::Row| {
        let (transfer, created_at): (String, i64) = (row.get("transfer_id")?, row.get("created_at")?);
        let position = Position { created_at, id: transfer.clone() };
        Ok((position, Entry { transfer, amount: row.get("amount")?, created_at: timestamp(created_at) }))
    };
    let rows = rows.iter().map(entry).collect::<Result<_, StoreError>>()?;
    Page::of(rows, limit, &list).map(Json)
}

fn read(row: &store::Row) -> Result<(Position, Account), StoreError> {
    let (id, created_at): (String, i64) = (row.get("id")?, row.get("created_at")?);
    let account = Account {
        id: id.clone(),
        currency: row.get("currency")?,
        overdraft: row.get("overdraft")?,
        balance: row.get("balance")?,
        created_at: timestamp(created_at),
    };
    Ok((Position { created_at, id }, account))
}

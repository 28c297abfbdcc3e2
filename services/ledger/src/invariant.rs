//! The invariants of the books, checked in rounds on one instance of all, and on demand: `GET /invariants` on the admin listener.

use std::time::Duration;

use evenkeel::prelude::*;
use evenkeel::store::Row;
use evenkeel::work::invariant::{Invariant, Invariants};
use serde::Serialize;

use crate::error::LedgerError;
use crate::settings::Settings;

/// The most offenders of one kind that are named.
const MAX_NAMED: usize = 100;
/// Time after which another instance checks for one that was killed.
const LEASE: Duration = Duration::from_secs(3);

/// Result of the check. Everything but `holds`, `currencies` and `transfers` is empty in correct books.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// True when all invariants hold.
    pub holds: bool,
    /// Each currency with the sum of all its entries in minor units, which must be zero.
    pub currencies: Vec<Sum>,
    /// Accounts whose balance is not the sum of their entries, at most 100.
    pub wrong_balances: Vec<String>,
    /// Accounts below their overdraft, at most 100.
    pub overdrawn: Vec<String>,
    /// Transfers that do not have two entries of their own amount and currency that sum to zero, at most 100.
    pub lopsided: Vec<String>,
    /// Currencies whose money in flight is not the sum of the pending payouts, at most 100.
    pub stray_in_flight: Vec<String>,
    /// Number of transfers, including those of payouts.
    pub transfers: i64,
}

/// A currency's entries.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// ISO 4217.
    pub currency: String,
    /// The sum of all its entries, in minor units.
    pub sum: i64,
}

/// The route of the admin listener: 200 when everything holds, 503 with the same document when it does not.
pub fn routes(context: &Context<Settings, Store>) -> Router {
    let store = context.store().clone();
    Router::new().route(
        "/invariants",
        get(async move || {
            let checked = check(&store).await?;
            if !checked.holds {
                tracing::error!(?checked, "the books violate an invariant");
            }
            let status = if checked.holds { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            Ok::<_, LedgerError>((status, Json(checked)))
        }),
    )
}

/// The invariants that are checked in rounds: a breach is logged and shown in the health document, with its rows.
pub fn invariants(store: &Store, every: Duration) -> Invariants {
    Invariants::new(store)
        .declare(Invariant::new("the entries of a currency sum to zero", UNBALANCED))
        .declare(Invariant::new("a balance is the sum of its entries", WRONG_BALANCES))
        .declare(Invariant::new("no account is below its overdraft", OVERDRAWN))
        .declare(Invariant::new("a transfer has two entries of its amount", LOPSIDED))
        .declare(Invariant::new("money in flight is that of pending payouts", STRAY_IN_FLIGHT))
        .declare(Invariant::checksums("a transfer is as it was written", TRANSFERS))
        .every(every)
        .lease(LEASE)
}

/// Checks the books in rounds until the stop, on one instance of all.
pub async fn run(context: Context<Settings, Store>, stop: Stop) {
    invariants(context.store(), context.settings().invariants_every).run(context.registry(), stop).await;
}

/// Checks the books on one snapshot. It reads every entry: for an operator or a schedule, not for every request.
///
/// # Errors
/// The store's.
pub async fn check(store: &Store) -> Result<Checked, LedgerError> {
    store.read(|tx| Box::pin(check_in(tx))).await
}

async fn check_in(tx: &mut Transaction) -> Result<Checked, LedgerError> {
    let sums = tx.fetch_all(SUMS, args![]).await?;
    let currencies = sums.iter().map(|row| Ok(Sum { currency: row.get("currency")?, sum: row.get("total")? }));
    let currencies = currencies.collect::<Result<Vec<_>, StoreError>>()?;
    let wrong_balances = offenders(tx, WRONG_BALANCES).await?;
    let overdrawn = offenders(tx, OVERDRAWN).await?;
    let lopsided = offenders(tx, LOPSIDED).await?;
    let stray_in_flight = offenders(tx, STRAY_IN_FLIGHT).await?;
    let transfers = tx.fetch_one("SELECT COUNT(*) AS n FROM transfers", args![]).await?.get("n")?;
    let holds = currencies.iter().all(|currency| currency.sum == 0)
        && [&wrong_balances, &overdrawn, &lopsided, &stray_in_flight].iter().all(|offenders| offenders.is_empty());
    Ok(Checked { holds, currencies, wrong_balances, overdrawn, lopsided, stray_in_flight, transfers })
}

async fn offenders(tx: &mut Transaction, sql: &'static str) -> Result<Vec<String>, StoreError> {
    let mut offenders = Vec::new();
    let read = tx.fetch_each(sql, args![], MAX_NAMED, |row: Row| {
        std::future::ready(row.get("offender").map(|offender| offenders.push(offender)))
    });
    match read.await {
        Ok(_) | Err(StoreError::TooManyRows { .. }) => Ok(offenders),
        Err(error) => Err(error),
    }
}

const SUMS: &str = "
SELECT accounts.currency AS currency, CAST(SUM(entries.amount) AS BIGINT) AS total
FROM entries JOIN accounts ON accounts.id = entries.account_id
GROUP BY accounts.currency ORDER BY accounts.currency";

const UNBALANCED: &str = "
SELECT accounts.currency AS offender, CAST(SUM(entries.amount) AS BIGINT) AS total
FROM entries JOIN accounts ON accounts.id = entries.account_id
GROUP BY accounts.currency HAVING SUM(entries.amount) <> 0";

const WRONG_BALANCES: &str = "
SELECT accounts.id AS offender FROM accounts LEFT JOIN entries ON entries.account_id = accounts.id
GROUP BY accounts.id, accounts.balance HAVING accounts.balance <> COALESCE(SUM(entries.amount), 0)";

const OVERDRAWN: &str = "SELECT id AS offender FROM accounts WHERE balance < -overdraft";

const TRANSFERS: &str = "SELECT id, from_account, to_account, amount, currency, created_at, checksum FROM transfers \
    WHERE id > $1 ORDER BY id LIMIT $2";

const LOPSIDED: &str = "
SELECT transfers.id AS offender FROM transfers
LEFT JOIN entries ON entries.transfer_id = transfers.id
LEFT JOIN accounts ON accounts.id = entries.account_id AND accounts.currency = transfers.currency
GROUP BY transfers.id, transfers.amount
HAVING COUNT(accounts.id) <> 2 OR SUM(entries.amount) <> 0 OR MAX(entries.amount) <> transfers.amount";

const STRAY_IN_FLIGHT: &str = "
SELECT accounts.currency AS offender FROM accounts
LEFT JOIN payouts ON payouts.currency = accounts.currency AND payouts.state = 'pending'
WHERE accounts.internal AND accounts.id LIKE 'own_payouts-in-flight_%'
GROUP BY accounts.currency, accounts.balance HAVING accounts.balance <> COALESCE(SUM(payouts.amount), 0)";

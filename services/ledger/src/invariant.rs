//! What must always be true of the books, checked on demand: `GET /invariants` on the admin listener.

use evenkeel::prelude::*;
use serde::Serialize;

use crate::Settings;
use crate::error::LedgerError;

/// What the check found.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Whether everything is as it must be.
    pub holds: bool,
    /// Currencies whose entries do not sum to zero, with the sum in minor units.
    pub unbalanced: Vec<(String, i64)>,
    /// Accounts whose balance is not the sum of their entries, at most 100.
    pub wrong_balances: Vec<String>,
    /// Accounts below their overdraft, at most 100.
    pub overdrawn: Vec<String>,
    /// How many transfers there are.
    pub transfers: i64,
}

/// The route of the admin listener: 200 when everything holds, 500 when it does not.
pub fn routes(context: &Context<Settings>) -> Router {
    let store = context.store().clone();
    Router::new().route(
        "/invariants",
        get(async move || {
            let checked = check(&store).await?;
            let status = if checked.holds { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
            Ok::<_, LedgerError>((status, Json(checked)))
        }),
    )
}

/// Checks the books on one snapshot.
///
/// # Errors
/// The store's.
pub async fn check(store: &Store) -> Result<Checked, LedgerError> {
    store
        .read(|tx| {
            Box::pin(async move {
                let sums = tx
                    .fetch_all(
                        "SELECT accounts.currency AS currency, CAST(SUM(entries.amount) AS BIGINT) AS total \
                         FROM entries JOIN accounts ON accounts.id = entries.account_id \
                         GROUP BY accounts.currency HAVING SUM(entries.amount) <> 0",
                        args![],
                    )
                    .await?;
                let unbalanced = sums
                    .iter()
                    .map(|row| Ok((row.get("currency")?, row.get("total")?)))
                    .collect::<Result<Vec<(String, i64)>, StoreError>>()?;
                let wrong = tx
                    .fetch_all(
                        "SELECT accounts.id AS id FROM accounts LEFT JOIN entries ON entries.account_id = accounts.id \
                         GROUP BY accounts.id, accounts.balance \
                         HAVING accounts.balance <> COALESCE(SUM(entries.amount), 0) LIMIT 100",
                        args![],
                    )
                    .await?;
                let overdrawn =
                    tx.fetch_all("SELECT id FROM accounts WHERE balance < -overdraft LIMIT 100", args![]).await?;
                let transfers = tx.fetch_one("SELECT COUNT(*) AS n FROM transfers", args![]).await?.get("n")?;
                let ids = |rows: &[evenkeel::store::Row]| {
                    rows.iter().map(|row| row.get("id")).collect::<Result<Vec<String>, StoreError>>()
                };
                let (wrong_balances, overdrawn) = (ids(&wrong)?, ids(&overdrawn)?);
                let holds = unbalanced.is_empty() && wrong_balances.is_empty() && overdrawn.is_empty();
                Ok(Checked { holds, unbalanced, wrong_balances, overdrawn, transfers })
            })
        })
        .await
}

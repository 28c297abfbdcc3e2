//! The change of each account by day (UTC): a projection of the events of money that moved, folded exactly once.

use std::time::Duration;

use evenkeel::operator::Signed;
use evenkeel::prelude::*;
use evenkeel::store::Row;
use evenkeel::work::{StoredEvent, Subscription, Subscriptions};
use serde::Serialize;

use crate::clock::timestamp;
use crate::error::LedgerError;
use crate::id;
use crate::moved::Moved;
use crate::settings::Settings;

/// The name of the subscription.
const NAME: &str = "daily-balances";
/// Time after which another instance folds for one that was killed.
const LEASE: Duration = Duration::from_secs(3);
/// The most days in one answer: the last ones.
const MAX_DAYS: i64 = 100;

const ADD: &str = "
INSERT INTO daily_balances (account_id, day, change, postings) VALUES ($1, $2, $3, 1)
ON CONFLICT (account_id, day) DO UPDATE
SET change = daily_balances.change + excluded.change, postings = daily_balances.postings + 1";

/// One day of an account.
#[derive(Debug, Serialize)]
pub struct Day {
    /// The day, such as 2026-11-30.
    pub day: String,
    /// The sum of the entries of the day, in minor units.
    pub change: i64,
    /// Their number.
    pub postings: i64,
}

/// The subscriptions of the ledger.
pub fn subscriptions(store: &Store) -> Subscriptions {
    let fold = Subscription::fold(NAME, |tx, event| Box::pin(add(tx, event)));
    let fold = fold.on_rebuild(|tx| {
        Box::pin(async move {
            tx.execute("DELETE FROM daily_balances", args![]).await?;
            Ok(())
        })
    });
    Subscriptions::new(store).with(fold.lease(LEASE))
}

async fn add(tx: &mut Transaction, event: StoredEvent) -> Result<(), JobError> {
    if !event.is::<Moved>() {
        return Ok(());
    }
    let moved = event.read::<Moved>()?;
    let moment = timestamp(moved.at);
    let day = moment.get(..10).unwrap_or(&moment);
    for (account, change) in [(&moved.from, -moved.amount), (&moved.to, moved.amount)] {
        tx.execute(ADD, args![account, day, change]).await?;
    }
    Ok(())
}

/// Folds events until the stop, on one instance of all.
pub async fn run(context: Context<Settings, Store>, stop: Stop) {
    subscriptions(context.store()).run(context.registry(), stop).await;
}

/// The routes of the admin listener: the last days of an account, and the rebuild of all.
pub fn routes(context: &Context<Settings, Store>) -> Router {
    Router::new()
        .route("/accounts/{id}/days", get(one))
        .route("/projections/daily-balances/rebuild", post(rebuild))
        .with_state(context.store().clone())
}

async fn one(State(store): State<Store>, Path(id): Path<String>) -> Result<Json<Vec<Day>>, LedgerError> {
    Ok(Json(days(&store, &id).await?))
}

/// Folds all events anew, from the first one. Days are missing until it has come to the last one.
async fn rebuild(State(store): State<Store>, by: Signed) -> Result<Response, LedgerError> {
    if let Err(problem) = by.confirm(NAME) {
        return Ok(problem.into_response());
    }
    tracing::warn!(projection = NAME, author = by.author, reason = by.reason, "an operator rebuilds a projection");
    subscriptions(&store).rebuild(NAME).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The last days of an account with postings, the last one first, at most 100. They follow the postings by less than a second as a rule.
///
/// # Errors
/// The store's.
pub async fn days(store: &Store, account: &str) -> Result<Vec<Day>, LedgerError> {
    if !id::is_well_formed(account) {
        return Err(LedgerError::not_found("account"));
    }
    let rows = store
        .read(|tx| {
            let account = account.to_owned();
            Box::pin(async move {
                let days =
                    "SELECT day, change, postings FROM daily_balances WHERE account_id = $1 ORDER BY day DESC LIMIT $2";
                tx.fetch_all(days, args![account, MAX_DAYS]).await
            })
        })
        .await?;
    let read = |row: &Row| {
        Ok::<_, StoreError>(Day { day: row.get("day")?, change: row.get("change")?, postings: row.get("postings")? })
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

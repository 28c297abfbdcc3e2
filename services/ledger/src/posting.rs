//! Posting: moves money between two accounts inside a transaction. An error here is an error everywhere.

use evenkeel::prelude::*;
use evenkeel::store::checksum;
use evenkeel::work::{Expect, append};

use crate::moved::Moved;

/// Isolation level of transactions that post on PostgreSQL: many of them change the same row, an account that is part of every payout, and
/// should wait for it in turn instead of being run again. Weaker than the store's default on purpose: every guard of a posting is a condition of
/// the statement that changes the row, so that no earlier read is relied on.
pub const POSTING: Isolation = Isolation::ReadCommitted;

/// The largest amount of one posting, in minor units: ten million million euros, far from overflow.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000_000;

/// Money that moves.
#[derive(Clone, Debug)]
pub struct Posting {
    /// The id of the transfer that it is.
    pub id: String,
    /// Account that is debited.
    pub from: String,
    /// Account that is credited.
    pub to: String,
    /// Minor units, more than zero.
    pub amount: i64,
    /// Currency of both accounts.
    pub currency: String,
    /// Time, in microseconds since 1970.
    pub at: i64,
}

/// Outcome of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the caller must report money that did not move"]
pub enum Posted {
    /// The money moved.
    Done,
    /// The paying account would pass its overdraft, or there is none of this currency. The transaction must be undone.
    Insufficient,
    /// The receiving balance would overflow, or there is none of this currency. The transaction must be undone.
    TooMuch,
}

/// Moves the money and appends its event, or returns why not; unless it is [`Posted::Done`] the caller must undo the transaction.
///
/// Rows are changed in the order of their ids, so that two postings between the same accounts cannot wait for each
/// other. The guards (currency, overdraft, overflow) are conditions of the changes themselves, so that what a caller
/// has read before is not trusted; an account that is missing or of another currency never moves.
///
/// # Errors
/// The store's.
///
/// # Panics
/// When the amount is not between 1 and [`MAX_AMOUNT`], or both accounts are the same: callers have checked.
pub async fn post(tx: &mut Transaction, posting: &Posting) -> Result<Posted, WorkError> {
    assert!((1..=MAX_AMOUNT).contains(&posting.amount), "amounts are checked before");
    assert_ne!(posting.from, posting.to, "accounts are checked before");

    let done = if posting.from < posting.to {
        let debited = debit(tx, posting).await?;
        if debited == Posted::Done { credit(tx, posting).await? } else { debited }
    } else {
        let credited = credit(tx, posting).await?;
        if credited == Posted::Done { debit(tx, posting).await? } else { credited }
    };
    if done != Posted::Done {
        return Ok(done);
    }
    let mut columns = args![&posting.id, &posting.from, &posting.to, posting.amount, &posting.currency, posting.at];
    columns.push(checksum(&columns).into());
    tx.execute(
        "INSERT INTO transfers (id, from_account, to_account, amount, currency, created_at, checksum) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        columns,
    )
    .await?;
    for (account, amount) in [(&posting.from, -posting.amount), (&posting.to, posting.amount)] {
        tx.execute(
            "INSERT INTO entries (transfer_id, account_id, amount, created_at) VALUES ($1, $2, $3, $4)",
            args![&posting.id, account, amount, posting.at],
        )
        .await?;
    }
    let Posting { id, from, to, amount, at, .. } = posting.clone();
    append(tx, &id, Expect::NoStream, [&Moved { from, to, amount, at }]).await?;
    Ok(Posted::Done)
}

async fn debit(tx: &mut Transaction, posting: &Posting) -> Result<Posted, StoreError> {
    let changed = tx
        .execute(
            "UPDATE accounts SET balance = balance - $1 \
             WHERE id = $2 AND currency = $3 AND balance - $1 >= -overdraft",
            args![posting.amount, &posting.from, &posting.currency],
        )
        .await?;
    Ok(if changed == 1 { Posted::Done } else { Posted::Insufficient })
}

async fn credit(tx: &mut Transaction, posting: &Posting) -> Result<Posted, StoreError> {
    let changed = tx
        .execute(
            "UPDATE accounts SET balance = balance + $1 WHERE id = $2 AND currency = $3 AND balance <= $4",
            args![posting.amount, &posting.to, &posting.currency, i64::MAX - posting.amount],
        )
        .await?;
    Ok(if changed == 1 { Posted::Done } else { Posted::TooMuch })
}

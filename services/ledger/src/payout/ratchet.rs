//! The ratchet of a payout: its named steps, which a job drives. A step that is committed never runs again, also after a kill.
//!
//! | step | effect | undo |
//! |---|---|---|
//! | `reserve` | in the transaction that accepts the payout: the money is in flight | the money goes back, and the payout is refused |
//! | `pay` | the bank is asked, under a key of the payout, until it has paid or refused | none: see below |
//! | `settle` | the money has left, and the payout is paid | none |
//! | `advise` | the bank is asked to tell the payee, where the payout has an advice | none: it never fails |
//!
//! Only the bank's own refusal turns a payout back. One whose call may have paid is never given back by itself: it waits for a decision.

use std::time::Duration;

use evenkeel::prelude::*;
use evenkeel::vitals;
use evenkeel::work::run::{QUEUE, RunContext};
use evenkeel::work::{Ratchet, Ratchets};

use super::accepted::Accepted;
use super::advise;
use super::own::Own;
use super::pay;
use super::state::PayoutState;
use crate::clock::now_micros;
use crate::posting::{Posted, Posting, post};
use crate::settings::Settings;

/// Concurrent payouts: one that the bank leaves hanging delays no other.
const AT_ONCE: usize = 8;
/// Time after which another instance takes over the payouts of one that was killed. Longer than an attempt.
const LEASE: Duration = Duration::from_secs(5);
/// The name of the step that asks the bank.
const PAY: &str = "pay";

/// Adds the queue and the handler of payouts.
pub fn handle_in(workers: Workers, context: &Context<Settings, Store>) -> Workers {
    let workers = workers.queue(QUEUE, |rules| rules.concurrency(AT_ONCE).lease(LEASE));
    ratchets(context).handle_in(workers)
}

fn ratchets(context: &Context<Settings, Store>) -> Ratchets {
    let (bank, messages) = (context.clone(), context.clone());
    let payout = Ratchet::<Accepted>::new()
        // The transaction that starts the run has reserved the money.
        .tx("reserve", |_tx, _run| Box::pin(async { Ok(()) }))
        .undo_tx(|tx, run| Box::pin(give_back(tx, run)))
        .call(PAY, move |key, run| {
            let bank = bank.clone();
            async move { pay::pay(&bank, &key, run.input()).await }
        })
        .tx("settle", |tx, run| Box::pin(settle(tx, run)))
        .call("advise", move |key, run| {
            let messages = messages.clone();
            async move { advise::advise(&messages, &key, run.input()).await }
        });
    Ratchets::new(context.store()).with(payout)
}

async fn settle(tx: &mut Transaction, run: RunContext<Accepted>) -> Result<(), JobError> {
    let to = Own::PaidOut.id(tx, &run.input().currency).await?;
    end(tx, &run, PayoutState::Paid, to).await
}

async fn give_back(tx: &mut Transaction, run: RunContext<Accepted>) -> Result<(), JobError> {
    if run.has_result(PAY) {
        return Err(JobError::permanent("the bank has paid: the money cannot go back"));
    }
    let to = run.input().account.clone();
    end(tx, &run, PayoutState::Refused, to).await
}

/// Ends a payout, and moves its money on, in one transaction.
async fn end(tx: &mut Transaction, run: &RunContext<Accepted>, state: PayoutState, to: String) -> Result<(), JobError> {
    let id = run.message_id();
    let ended = "UPDATE payouts SET state = $1 WHERE id = $2 AND state = $3";
    if tx.execute(ended, args![state.name(), id, PayoutState::Pending.name()]).await? != 1 {
        return Err(JobError::permanent(format!("the payout {id} is not pending")));
    }
    let Accepted { amount, currency, .. } = run.input();
    let from = Own::InFlight.id(tx, currency).await?;
    let (id, currency) = (vitals::new_id("tra"), currency.clone());
    match post(tx, &Posting { id, from, to, amount: *amount, currency, at: now_micros() }).await? {
        Posted::Done => Ok(()),
        not_done => Err(JobError::permanent(format!("the money in flight does not move: {not_done:?}"))),
    }
}

//! The job that sends a receipt.

use std::time::Duration;

use evenkeel::prelude::*;
use evenkeel::work::QueueRules;
use serde::{Deserialize, Serialize};

use crate::message::{self, Reply};
use crate::settings::Settings;

/// The queue of receipts: those that wait for a bank that is away delay no payout.
pub const QUEUE: &str = "receipts";
/// Receipts that are sent at the same time.
const AT_ONCE: usize = 4;
/// Time after which another instance sends the receipts of one that was killed. Longer than an attempt.
const LEASE: Duration = Duration::from_secs(5);

/// The payload of the job. Operators may edit the destination of a dead letter.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct SendReceipt {
    /// The id of the receipt.
    pub(super) receipt: String,
    /// The id of the transfer.
    pub(super) transfer: String,
    /// Destination at the bank.
    pub(super) destination: String,
}

impl Job for SendReceipt {
    const KIND: &'static str = "receipt";
    const QUEUE: &'static str = QUEUE;
}

/// Adds the queue and the handler of receipts.
pub fn handle_in(workers: Workers, context: &Context<Settings, Store>) -> Workers {
    let context = context.clone();
    let rules = |rules: QueueRules| rules.concurrency(AT_ONCE).lease(LEASE);
    workers.queue(QUEUE, rules).handle(move |job: SendReceipt, _run| {
        let context = context.clone();
        async move { send(&context, &job).await }
    })
}

/// Sends a receipt under its own id, so that a repetition is not a second one, and notes where it went.
async fn send(context: &Context<Settings, Store>, job: &SendReceipt) -> Result<(), JobError> {
    let text = format!("receipt {} of the transfer {}", job.receipt, job.transfer);
    match message::deliver(context, &job.receipt, &job.destination, &text).await {
        Reply::Delivered => {}
        Reply::Refused(reason) => return Err(JobError::permanent(format!("the bank refused: {reason}"))),
        Reply::Unknown(reason) => return Err(JobError::retry(reason)),
    }
    let noted = context.store().write(|tx| {
        let values = args!["sent", &job.destination, &job.receipt];
        Box::pin(async move {
            tx.execute("UPDATE receipts SET state = $1, destination = $2 WHERE id = $3", values).await?;
            Ok::<_, StoreError>(())
        })
    });
    // A receipt that has expired meanwhile needs no note.
    Ok(noted.await?)
}

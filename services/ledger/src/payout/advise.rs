//! The last step of a payout: the payee is told.

use std::time::Duration;

use evenkeel::prelude::*;
use evenkeel::vitals;

use super::accepted::Accepted;
use crate::clock::now_micros;
use crate::message::{self, Reply};
use crate::settings::Settings;

/// The longest wait between two attempts; on average half of it.
const WAIT: Duration = Duration::from_secs(10);
/// Time after which an advice is not sent any more.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Asks the bank to deliver the advice of a payout. The money has left by then: an advice that cannot be delivered is left out, and logged.
///
/// # Errors
/// A wait while the bank has not decided, for a day at most.
pub(super) async fn advise(context: &Context<Settings, Store>, key: &str, payout: &Accepted) -> Result<bool, JobError> {
    let Some(advice) = &payout.advice else { return Ok(false) };
    let reason = match message::deliver(context, key, &payout.destination, advice).await {
        Reply::Delivered => return Ok(true),
        Reply::Refused(reason) => reason,
        Reply::Unknown(reason) => {
            let age = Duration::from_micros(u64::try_from(now_micros() - payout.at).unwrap_or_default());
            if age < LONGEST {
                return Err(JobError::snooze(WAIT.mul_f64(vitals::random_fraction())));
            }
            reason
        }
    };
    tracing::warn!(payout = key, %reason, "the payee was not told of a payout");
    Ok(false)
}

//! The workers of background jobs.

use evenkeel::prelude::*;

use crate::settings::Settings;
use crate::{payout, receipt};

/// The workers: of payouts and of receipts.
pub fn workers(context: &Context<Settings, Store>) -> Workers {
    let workers = payout::ratchet::handle_in(Workers::new(context.store()), context);
    receipt::send::handle_in(workers, context)
}

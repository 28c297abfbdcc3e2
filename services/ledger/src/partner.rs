//! The partner bank that pays out: the rules of its calls, and its check of destinations.

use std::time::Duration;

use evenkeel::client::{self, Check, default_rules};
use evenkeel::prelude::*;
use evenkeel::resilience::hedge::HedgeRules;
use evenkeel::utoipa;
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::settings::Settings;

/// Name of the dependency on the partner bank.
pub const NAME: &str = "rail";

/// Maximum time of a lookup, repeats included: a client waits for it.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The longest destination.
const MAX_DESTINATION: usize = 64;

/// Declares the partner bank: guarded by every default, and hedged.
pub fn bank(settings: &Settings) -> Dependency {
    let rules = default_rules().hedge(HedgeRules::default());
    Dependency::http(settings.rail_url.clone()).rules(rules).checked(Check::at("/livez"))
}

/// Client of the partner bank, for calls while a client waits.
#[derive(Clone, Debug)]
pub struct Bank {
    context: Context<Settings, Store>,
}

/// Destination of a payout, and whether it exists.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Destination {
    /// Requested destination.
    pub destination: String,
    /// True when the bank has such an account.
    pub exists: bool,
}

impl Bank {
    /// The one of the settings.
    pub fn of(context: &Context<Settings, Store>) -> Self {
        Self { context: context.clone() }
    }

    pub(crate) async fn find(&self, destination: &str) -> Result<Destination, LedgerError> {
        // Checked before: nothing in it has a meaning in a path.
        let call = self.context.client().dependency(NAME).get(&format!("/v1/destinations/{destination}"));
        let answer = call.total_timeout(TIMEOUT).send().await.map_err(|error| self.away(&error))?;
        if !answer.status.is_success() {
            tracing::warn!(status = %answer.status, "the bank did not say whether a destination exists");
            return Err(unknown());
        }
        let found: Destination = answer.json().map_err(|error| self.away(&error))?;
        if found.destination == destination { Ok(found) } else { Err(unknown()) }
    }

    /// The bank was not called, or gave no answer in time, or none that is one.
    fn away(&self, error: &client::Error) -> LedgerError {
        tracing::warn!(%error, "the bank did not say whether a destination exists");
        LedgerError::Refused(self.context.refusal(error))
    }
}

/// Checks the format of a destination.
pub(crate) fn check_destination(destination: &str) -> Result<(), &'static str> {
    let characters = destination.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !(1..=MAX_DESTINATION).contains(&destination.len()) || !characters {
        return Err("it has 1 to 64 letters, digits and dashes");
    }
    Ok(())
}

/// The same as a rule of a field.
pub(crate) fn known_destination(destination: &str, _context: &()) -> garde::Result {
    check_destination(destination).map_err(garde::Error::new)
}

fn unknown() -> LedgerError {
    LedgerError::Refused(Problem::new(StatusCode::BAD_GATEWAY, "the bank gave no usable answer"))
}

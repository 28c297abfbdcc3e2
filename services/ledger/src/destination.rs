//! Destinations: the partner bank knows whether there is such an account, and is asked while the client waits.

use evenkeel::client;
use evenkeel::prelude::*;
use evenkeel::utoipa;
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::payout::check_destination;
use crate::{Ledger, Settings};

/// The partner bank, asked while a client waits.
#[derive(Clone, Debug)]
pub struct Bank {
    context: Context<Settings>,
}

/// Where money can be sent, or not.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Destination {
    /// As it was asked for.
    pub destination: String,
    /// Whether the bank knows such an account.
    pub exists: bool,
}

impl Bank {
    /// The one of the settings.
    pub fn of(context: &Context<Settings>) -> Self {
        Self { context: context.clone() }
    }

    async fn find(&self, destination: &str) -> Result<Destination, LedgerError> {
        // Checked before: nothing in it has a meaning in a path.
        let bank = self.context.settings().rail_url.url();
        let url = bank.join(&format!("/v1/destinations/{destination}")).map_err(|_| unknown())?;
        let answer = self.context.client().get(&url).send().await.map_err(|error| self.away(&error))?;
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

/// Ask whether a destination exists
///
/// The partner bank is asked; when it cannot say in time nobody can.
#[utoipa::path(get, operation_id = "get_destination", path = "/v1/destinations/{destination}",
    params(("destination" = String, Path, description = "1 to 64 letters, digits and dashes")),
    responses((status = 200, body = Destination), (status = 404), (status = 502, description = "The bank gave no answer that can be used")))]
pub async fn look(
    State(ledger): State<Ledger>,
    Path(destination): Path<String>,
) -> Result<Json<Destination>, LedgerError> {
    check_destination(&destination).map_err(|_| LedgerError::not_found("destination"))?;
    ledger.bank.find(&destination).await.map(Json)
}

fn unknown() -> LedgerError {
    LedgerError::Refused(Problem::new(StatusCode::BAD_GATEWAY, "the bank gave no answer that can be used"))
}

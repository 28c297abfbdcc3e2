//! Destinations: the partner bank is queried for an account while the client waits.

use evenkeel::prelude::*;
use evenkeel::utoipa;

use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::partner::{Destination, check_destination};

/// Ask whether a destination exists
///
/// The partner bank is queried; when it does not answer in time the result is 502.
#[utoipa::path(get, operation_id = "get_destination", path = "/v1/destinations/{destination}",
    params(("destination" = String, Path, description = "1 to 64 letters, digits and dashes")),
    responses((status = 200, body = Destination), (status = 404), (status = 502, description = "The bank gave no usable answer")))]
pub async fn look(
    State(ledger): State<Ledger>,
    Path(destination): Path<String>,
) -> Result<Json<Destination>, LedgerError> {
    check_destination(&destination).map_err(|_| LedgerError::not_found("destination"))?;
    ledger.bank.find(&destination).await.map(Json)
}

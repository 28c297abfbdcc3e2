//! Operations on receipts: request, get.

use evenkeel::prelude::*;
use evenkeel::store::Row;
use evenkeel::{Valid, store, utoipa, vitals};
use serde::{Deserialize, Serialize};

use super::send::SendReceipt;
use crate::clock::{now_micros, timestamp};
use crate::error::{LedgerError, recorded_refusal};
use crate::id;
use crate::ledger::Ledger;
use crate::partner::known_destination;

/// Request for a receipt.
#[derive(Clone, Debug, Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReceipt {
    /// The transfer that it confirms.
    #[garde(skip)]
    pub transfer: String,
    /// Destination at the bank: 1 to 64 letters, digits and dashes.
    #[garde(custom(known_destination))]
    #[schema(pattern = "^[A-Za-z0-9-]{1,64}$")]
    pub destination: String,
}

/// A receipt.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Receipt {
    /// Its id; cannot be guessed.
    pub id: String,
    /// The transfer that it confirms.
    pub transfer: String,
    /// Destination at the bank.
    pub destination: String,
    /// `pending` until the bank has delivered it, then `sent`.
    pub status: String,
    /// RFC 3339.
    pub created_at: String,
}

/// Ask for a receipt
///
/// It is accepted at once, and sent to the destination by the partner bank; it expires after a set time.
#[utoipa::path(post, operation_id = "ask_for_receipt", path = "/v1/receipts", request_body = NewReceipt,
    params(("Idempotency-Key" = String, Header, description = "Names the request, in 1 to 255 visible ASCII characters: a repetition has no second effect")),
    responses((status = 202, body = Receipt)))]
pub async fn ask(
    State(ledger): State<Ledger>,
    request: Idempotent<Valid<NewReceipt>>,
) -> Result<Response, LedgerError> {
    let request = request.into_inner();
    let accepted: store::Recorded = ledger
        .store
        .once(&request.key, request.fingerprint, |tx| {
            let new = request.body.clone();
            Box::pin(async move {
                match accept_in(tx, &new).await? {
                    Ok(receipt) => {
                        let location = format!("/v1/receipts/{}", receipt.id);
                        Ok::<_, LedgerError>(OnceOutcome::Commit(
                            StoredResponse::json(202, &receipt)?.header("location", location),
                        ))
                    }
                    Err(refusal) => Ok(OnceOutcome::Refuse(recorded_refusal(&refusal)?)),
                }
            })
        })
        .await?;
    Ok(recorded(accepted))
}

/// Accepts a receipt, and enqueues its job in the same transaction.
async fn accept_in(tx: &mut Transaction, new: &NewReceipt) -> Result<Result<Receipt, Problem>, LedgerError> {
    let transfer = match id::is_well_formed(&new.transfer) {
        true => tx.fetch_optional("SELECT id FROM transfers WHERE id = $1", args![&new.transfer]).await?,
        false => None,
    };
    if transfer.is_none() {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "transfer: there is no such transfer");
        return Ok(Err(problem.with("field", "transfer")));
    }
    let (id, at) = (vitals::new_id("rcp"), now_micros());
    tx.execute(
        "INSERT INTO receipts (id, transfer_id, destination, state, created_at) VALUES ($1, $2, $3, $4, $5)",
        args![&id, &new.transfer, &new.destination, "pending", at],
    )
    .await?;
    let (receipt, transfer, destination) = (id.clone(), new.transfer.clone(), new.destination.clone());
    enqueue(tx, &SendReceipt { receipt, transfer: transfer.clone(), destination: destination.clone() }).await?;
    Ok(Ok(Receipt { id, transfer, destination, status: "pending".to_owned(), created_at: timestamp(at) }))
}

/// Get a receipt
#[utoipa::path(get, operation_id = "get_receipt", path = "/v1/receipts/{id}", params(("id" = String, Path)),
    responses((status = 200, body = Receipt), (status = 404)))]
pub async fn one(State(ledger): State<Ledger>, Path(id): Path<String>) -> Result<Json<Receipt>, LedgerError> {
    if !id::is_well_formed(&id) {
        return Err(LedgerError::not_found("receipt"));
    }
    let row = ledger
        .store
        .read(|tx| {
            let id = id.clone();
            let one = "SELECT id, transfer_id, destination, state, created_at FROM receipts WHERE id = $1";
            Box::pin(async move { tx.fetch_optional(one, args![&id]).await })
        })
        .await?;
    Ok(Json(read(&row.ok_or_else(|| LedgerError::not_found("receipt"))?)?))
}

fn read(row: &Row) -> Result<Receipt, StoreError> {
    Ok(Receipt {
        id: row.get("id")?,
        transfer: row.get("transfer_id")?,
        destination: row.get("destination")?,
        status: row.get("state")?,
        created_at: timestamp(row.get("created_at")?),
    })
}

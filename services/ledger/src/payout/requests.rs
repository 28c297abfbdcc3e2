//! Operations on payouts: request, list, get.

use evenkeel::prelude::*;
use evenkeel::work::run::start_as;
use evenkeel::{Valid, store, utoipa, vitals};
use serde::Deserialize;

use super::accepted::Accepted;
use super::own::Own;
use super::record::{Payout, read};
use super::state::PayoutState;
use crate::clock::{now_micros, timestamp};
use crate::cursor::{Page, Paging};
use crate::error::{LedgerError, recorded_refusal};
use crate::id;
use crate::ledger::Ledger;
use crate::partner::known_destination;
use crate::posting::{MAX_AMOUNT, POSTING, Posted, Posting, post};
use crate::transfer::{currency_of, refusal_of};

/// Request for a payout.
#[derive(Clone, Debug, Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPayout {
    /// The account the money leaves.
    #[garde(skip)]
    pub account: String,
    /// Minor units.
    #[garde(range(min = 1, max = MAX_AMOUNT))]
    #[serde(deserialize_with = "crate::amount::amount")]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000_i64)]
    pub amount: i64,
    /// Destination at the bank: 1 to 64 letters, digits and dashes.
    #[garde(custom(known_destination))]
    #[schema(pattern = "^[A-Za-z0-9-]{1,64}$")]
    pub destination: String,
    /// Text for the holder of the destination, which the bank delivers once it has paid: 1 to 140 characters.
    #[garde(length(chars, min = 1, max = MAX_ADVICE))]
    #[serde(default)]
    #[schema(min_length = 1, max_length = 140)]
    pub advice: Option<String>,
}

/// Maximum length of an advice in characters.
const MAX_ADVICE: usize = 140;

/// Ask for a payout
///
/// It is accepted at once and paid by the partner bank as soon as the bank answers; a repetition gets the first answer.
#[utoipa::path(post, operation_id = "ask_for_payout", path = "/v1/payouts", request_body = NewPayout,
    params(("Idempotency-Key" = String, Header, description = "Names the request, in 1 to 255 visible ASCII characters: a repetition has no second effect")),
    responses((status = 202, body = Payout)))]
pub async fn ask(State(ledger): State<Ledger>, request: Idempotent<Valid<NewPayout>>) -> Result<Response, LedgerError> {
    let request = request.into_inner();
    let accepted: store::Recorded = ledger
        .store
        .once_at(POSTING, &request.key, request.fingerprint, |tx| {
            let new = request.body.clone();
            Box::pin(async move {
                match accept_in(tx, &new).await? {
                    Ok(payout) => {
                        let location = format!("/v1/payouts/{}", payout.id);
                        Ok::<_, LedgerError>(OnceOutcome::Commit(
                            StoredResponse::json(202, &payout)?.header("location", location),
                        ))
                    }
                    Err(refusal) => Ok(OnceOutcome::Refuse(recorded_refusal(&refusal)?)),
                }
            })
        })
        .await?;
    Ok(recorded(accepted))
}

async fn accept_in(tx: &mut Transaction, new: &NewPayout) -> Result<Result<Payout, Problem>, LedgerError> {
    let Some(currency) = currency_of(tx, &new.account).await? else {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "account: there is no such account");
        return Ok(Err(problem.with("field", "account")));
    };
    let (id, at) = (vitals::new_id("pay"), now_micros());
    let to = Own::InFlight.id(tx, &currency).await?;
    let posting =
        Posting { id: vitals::new_id("tra"), from: new.account.clone(), to, amount: new.amount, currency, at };
    match post(tx, &posting).await? {
        Posted::Done => {}
        not_done => return Ok(Err(refusal_of(not_done))),
    }
    tx.execute(
        "INSERT INTO payouts (id, account_id, amount, currency, destination, state, attempts, next_attempt_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $7)",
        args![&id, &new.account, new.amount, &posting.currency, &new.destination, PayoutState::Pending.name(), at],
    )
    .await?;
    let (account, amount, destination) = (new.account.clone(), new.amount, new.destination.clone());
    let (currency, advice) = (posting.currency.clone(), new.advice.clone());
    start_as(tx, &id, &Accepted { account, amount, currency, destination, advice, at, key: None }).await?;
    Ok(Ok(Payout {
        id,
        account: new.account.clone(),
        amount: new.amount,
        currency: posting.currency,
        destination: new.destination.clone(),
        status: PayoutState::Pending,
        created_at: timestamp(at),
    }))
}

/// List payouts
#[utoipa::path(get, operation_id = "list_payouts", path = "/v1/payouts", params(Paging),
    responses((status = 200, body = Page<Payout>)))]
pub async fn list(
    State(ledger): State<Ledger>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Payout>>, LedgerError> {
    let list = ledger.cursors.of("payouts").await.map_err(LedgerError::Refused)?;
    let (after, limit) = paging.checked(&list)?;
    let rows = ledger
        .store
        .read(|tx| {
            let after = after.clone();
            Box::pin(async move {
                tx.fetch_all(
                    "SELECT id, account_id, amount, currency, destination, state, created_at FROM payouts \
                     WHERE created_at > $1 OR (created_at = $1 AND id > $2) ORDER BY created_at, id LIMIT $3",
                    args![after.created_at, &after.id, limit + 1],
                )
                .await
            })
        })
        .await?;
    let rows = rows.iter().map(read).collect::<Result<_, StoreError>>()?;
    Page::of(rows, limit, &list).map(Json)
}

/// Get a payout
#[utoipa::path(get, operation_id = "get_payout", path = "/v1/payouts/{id}", params(("id" = String, Path)),
    responses((status = 200, body = Payout), (status = 404)))]
pub async fn one(State(ledger): State<Ledger>, Path(id): Path<String>) -> Result<Json<Payout>, LedgerError> {
    if !id::is_well_formed(&id) {
        return Err(LedgerError::not_found("payout"));
    }
    let row = ledger
        .store
        .read(|tx| {
            let id = id.clone();
            Box::pin(async move {
                tx.fetch_optional(
                    "SELECT id, account_id, amount, currency, destination, state, created_at FROM payouts WHERE id = $1",
                    args![&id],
                )
                .await
            })
        })
        .await?;
    let row = row.ok_or_else(|| LedgerError::not_found("payout"))?;
    Ok(Json(read(&row)?.1))
}

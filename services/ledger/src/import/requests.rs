//! Operations of imports: import, and for operators what became of a reference, the quarantine, and the retry of a record.

use evenkeel::operator::Signed;
use evenkeel::prelude::*;
use evenkeel::work::quarantine::{self, BadRecord, MAX_LISTED, Quarantine};
use evenkeel::{Valid, store, utoipa};
use serde::{Deserialize, Serialize};

use super::record::{HEAD, reference, take};
use crate::clock::timestamp;
use crate::error::LedgerError;
use crate::id;
use crate::ledger::Ledger;
use crate::settings::Settings;

/// The source of bad records.
const SOURCE: &str = "accounts";
/// Maximum number of records of an import.
const MAX_RECORDS: usize = 200;

/// An import of accounts.
#[derive(Clone, Debug, Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewImport {
    /// Lines of CSV without quotes: `reference,currency,overdraft`, and at most 200 records of this form.
    #[garde(custom(begins_with_its_head))]
    pub csv: String,
}

/// The outcome of an import.
#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Imported {
    /// Records whose accounts were opened.
    pub accepted: u64,
    /// Records that went to the quarantine, with their reasons.
    pub quarantined: u64,
}

fn begins_with_its_head(csv: &str, _context: &()) -> garde::Result {
    if csv.lines().next() != Some(HEAD) {
        return Err(garde::Error::new(format!("its first line is {HEAD}")));
    }
    match csv.lines().count() - 1 {
        0..=MAX_RECORDS => Ok(()),
        records => Err(garde::Error::new(format!("it has {records} records, more than {MAX_RECORDS}"))),
    }
}

/// Import accounts
///
/// Each good record opens an account; each bad one goes to the quarantine, with its reason, and stops no other.
#[utoipa::path(post, operation_id = "import_accounts", path = "/v1/imports", request_body = NewImport,
    params(("Idempotency-Key" = String, Header, description = "Names the request, in 1 to 255 visible ASCII characters: a repetition has no second effect")),
    responses((status = 201, body = Imported)))]
pub async fn import(
    State(ledger): State<Ledger>,
    request: Idempotent<Valid<NewImport>>,
) -> Result<Response, LedgerError> {
    let request = request.into_inner();
    let done: store::Recorded = ledger
        .store
        .once(&request.key, request.fingerprint, |tx| {
            let csv = request.body.csv.clone();
            Box::pin(async move {
                let imported = import_in(tx, &csv).await?;
                Ok::<_, LedgerError>(OnceOutcome::Commit(StoredResponse::json(201, &imported)?))
            })
        })
        .await?;
    if !done.replayed
        && let Ok(imported) = serde_json::from_slice::<Imported>(done.answer.body.as_ref())
    {
        ledger.imports.add(imported.accepted, imported.quarantined);
    }
    Ok(recorded(done))
}

async fn import_in(tx: &mut Transaction, csv: &str) -> Result<Imported, LedgerError> {
    let mut imported = Imported { accepted: 0, quarantined: 0 };
    for line in csv.lines().skip(1) {
        match take(tx, line).await? {
            Ok(_) => imported.accepted += 1,
            Err(reason) => {
                let key = reference(line);
                let key = &key[..key.floor_char_boundary(quarantine::MAX_KEY)];
                quarantine::add(tx, SOURCE, key, reason, line).await?;
                imported.quarantined += 1;
            }
        }
    }
    Ok(imported)
}

/// A bad record, as operators see it.
#[derive(Debug, Serialize)]
struct Bad {
    id: i64,
    source: String,
    key: String,
    reason: String,
    record: String,
    at: String,
}

impl From<BadRecord> for Bad {
    fn from(bad: BadRecord) -> Self {
        let since = bad.seized_at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let at = timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
        Self { id: bad.id, source: bad.source, key: bad.key, reason: bad.reason, record: bad.record, at }
    }
}

/// The body of a retry: the record as it should have been.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mended {
    record: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    #[serde(default)]
    after: i64,
}

/// The routes of the admin listener.
pub fn routes(context: &Context<Settings, Store>) -> Router {
    Router::new()
        .route("/imports/{reference}", get(imported))
        .route("/quarantine", get(list))
        .route("/quarantine/{id}/retry", post(retry))
        .route("/quarantine/{id}/drop", post(drop_record))
        .with_state(context.store().clone())
}

/// The account of a reference.
async fn imported(
    State(store): State<Store>,
    Path(reference): Path<String>,
) -> Result<Json<serde_json::Value>, LedgerError> {
    if !id::is_well_formed(&reference) {
        return Err(LedgerError::not_found("reference"));
    }
    let row = store
        .read(|tx| {
            let reference = reference.clone();
            let one = "SELECT account_id FROM imported_accounts WHERE reference = $1";
            Box::pin(async move { tx.fetch_optional(one, args![&reference]).await })
        })
        .await?;
    let account: String = row.ok_or_else(|| LedgerError::not_found("reference"))?.get("account_id")?;
    Ok(Json(serde_json::json!({ "reference": reference, "account": account })))
}

/// Bad records of imports behind an id, at most 500, and their number for each reason.
async fn list(State(store): State<Store>, Query(query): Query<After>) -> Result<Json<serde_json::Value>, LedgerError> {
    let quarantine = Quarantine::new(&store);
    let records = quarantine.list(SOURCE, query.after, MAX_LISTED).await?;
    let counts = quarantine.counts().await?;
    let counts: Vec<_> = counts
        .into_iter()
        .map(|count| serde_json::json!({ "source": count.source, "reason": count.reason, "records": count.records }))
        .collect();
    let records: Vec<Bad> = records.into_iter().map(Bad::from).collect();
    Ok(Json(serde_json::json!({ "records": records, "counts": counts })))
}

/// Takes a record as an operator has mended it, and lets it out of the quarantine.
async fn retry(
    State(store): State<Store>,
    Path(id): Path<i64>,
    mended: Signed<Mended>,
) -> Result<StatusCode, LedgerError> {
    must_be_there(&store, id).await?;
    let taken = store
        .write(|tx| {
            let record = mended.asked.record.clone();
            Box::pin(async move { take(tx, &record).await })
        })
        .await?;
    if let Err(reason) = taken {
        return Err(LedgerError::invalid("record", reason));
    }
    // A stop in between leaves a record whose reference is known: an operator sees that at the next retry, and drops it.
    Quarantine::new(&store).drop_records(&[id]).await?;
    tracing::warn!(
        record = id,
        author = mended.author,
        reason = mended.reason,
        "an operator mended a quarantined record"
    );
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a record up.
async fn drop_record(State(store): State<Store>, Path(id): Path<i64>, by: Signed) -> Result<Response, LedgerError> {
    if let Err(problem) = by.confirm(&id.to_string()) {
        return Ok(problem.into_response());
    }
    must_be_there(&store, id).await?;
    Quarantine::new(&store).drop_records(&[id]).await?;
    tracing::warn!(record = id, author = by.author, reason = by.reason, "an operator dropped a quarantined record");
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn must_be_there(store: &Store, id: i64) -> Result<(), LedgerError> {
    let found = Quarantine::new(store).list(SOURCE, id.saturating_sub(1), 1).await?;
    match found.first() {
        Some(bad) if bad.id == id => Ok(()),
        _ => Err(LedgerError::not_found("record in the quarantine")),
    }
}

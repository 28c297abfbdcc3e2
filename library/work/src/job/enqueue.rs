//! Enqueues jobs in the caller's transaction.
//!
//! The functions are not cancel-safe, as statements of a transaction are not: when the future of one is dropped, return an error from the transaction.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use store::{Engine, StoreError, Transaction, args};

use super::{MAX_ATTEMPTS, MAX_BATCH, MAX_KEY, MAX_PAYLOAD, NewJob, PRIORITIES, Start};
use crate::doorbell;
use crate::error::{Refusal, WorkError};
use crate::statement::{Statement, statement};
use crate::trace::traceparent;

const ENQUEUE: Statement = statement!("enqueue");
const WINNERS: Statement = statement!("winners");
/// Rounds in which a unique key was taken at first and its job was gone when it was looked for.
const MAX_ROUNDS: usize = 3;

/// A job in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enqueued {
    /// The id of the row, for cancellation.
    pub id: i64,
    /// The id of the message: it stays the same in all attempts and when a dead letter is redriven. Use it as idempotency key.
    pub message_id: String,
    /// True when a live job has the unique key: this is that job, and nothing was added.
    pub is_duplicate: bool,
}

/// Adds a job in the transaction: it exists when the transaction commits, and never otherwise.
///
/// # Errors
/// [`WorkError::Refused`] when a part of the job is out of its bounds or the payload is no JSON, else the store's.
///
/// Cancel-safe: a transaction that is dropped adds nothing.
pub async fn enqueue(tx: &mut Transaction, job: impl Into<NewJob>) -> Result<Enqueued, WorkError> {
    let enqueued = enqueue_new(tx, vec![job.into()]).await?.pop();
    enqueued.ok_or_else(|| vanished().into())
}

/// Adds up to [`MAX_BATCH`] jobs with one statement, in the order of the list; returns them in that order.
///
/// # Errors
/// As [`enqueue`]; then none was added.
pub async fn enqueue_all<N: Into<NewJob>>(
    tx: &mut Transaction,
    jobs: impl IntoIterator<Item = N>,
) -> Result<Vec<Enqueued>, WorkError> {
    enqueue_new(tx, jobs.into_iter().map(Into::into).collect()).await
}

async fn enqueue_new(tx: &mut Transaction, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, WorkError> {
    if jobs.len() > MAX_BATCH {
        return Err(Refusal::TooMany { count: jobs.len(), bound: MAX_BATCH }.into());
    }
    let jobs = jobs.into_iter().map(Checked::new).collect::<Result<Vec<_>, _>>()?;
    let engine = tx.engine();
    let mut found: Vec<Option<Enqueued>> = vec![None; jobs.len()];
    for _ in 0..MAX_ROUNDS {
        let missing: Vec<usize> = (0..jobs.len()).filter(|place| found[*place].is_none()).collect();
        if missing.is_empty() {
            break;
        }
        insert(tx, engine, &jobs, &missing, &mut found).await?;
        find_winners(tx, engine, &jobs, &mut found).await?;
    }
    let due = jobs.iter().filter(|job| job.delay == 0);
    let queues: BTreeSet<String> = due.map(|job| job.new.queue.clone()).collect();
    for queue in queues {
        tx.after_commit(move || doorbell::ring(&queue));
    }
    found.into_iter().map(|job| job.ok_or_else(|| vanished().into())).collect()
}

/// The error of a unique key that was taken and free in turns.
fn vanished() -> StoreError {
    StoreError::Conflict(store::sqlx::Error::RowNotFound)
}

async fn insert(
    tx: &mut Transaction,
    engine: Engine,
    jobs: &[Checked],
    places: &[usize],
    found: &mut [Option<Enqueued>],
) -> Result<(), WorkError> {
    let texts = |of: fn(&Checked) -> &str| places.iter().map(|&place| of(&jobs[place]).to_owned()).collect::<Vec<_>>();
    let numbers = |of: fn(&Checked) -> i64| places.iter().map(|&place| of(&jobs[place])).collect::<Vec<_>>();
    let values = args![
        texts(|job| &job.message_id),
        texts(|job| &job.new.queue),
        texts(|job| &job.new.kind),
        numbers(|job| i64::from(job.new.priority)),
        texts(|job| job.new.order_key.as_deref().unwrap_or_default()),
        texts(|job| job.new.unique_key.as_deref().unwrap_or_default()),
        numbers(|job| i64::from(job.new.max_attempts)),
        numbers(|job| job.run_at),
        numbers(|job| job.delay),
        numbers(|job| job.within),
        texts(|job| &job.payload),
        texts(|job| job.new.trace.as_deref().unwrap_or_default()),
    ];
    let place_of: HashMap<&str, usize> = places.iter().map(|&place| (jobs[place].message_id.as_str(), place)).collect();
    for row in tx.fetch_all(ENQUEUE.on(engine), values).await? {
        let (id, message_id): (i64, String) = (row.get("id")?, row.get("message_id")?);
        if let Some(&place) = place_of.get(message_id.as_str()) {
            found[place] = Some(Enqueued { id, message_id, is_duplicate: false });
        }
    }
    Ok(())
}

/// Finds the live jobs that have the unique keys of those that were not added.
async fn find_winners(
    tx: &mut Transaction,
    engine: Engine,
    jobs: &[Checked],
    found: &mut [Option<Enqueued>],
) -> Result<(), WorkError> {
    let refused = |found: &[Option<Enqueued>]| -> Vec<usize> {
        (0..jobs.len()).filter(|&place| found[place].is_none() && jobs[place].new.unique_key.is_some()).collect()
    };
    let places = refused(found);
    if places.is_empty() {
        return Ok(());
    }
    let kinds: Vec<String> = places.iter().map(|&place| jobs[place].new.kind.clone()).collect();
    let keys: Vec<String> = places.iter().filter_map(|&place| jobs[place].new.unique_key.clone()).collect();
    for row in tx.fetch_all(WINNERS.on(engine), args![kinds, keys]).await? {
        let (kind, key): (String, String) = (row.get("kind")?, row.get("unique_key")?);
        let (id, message_id): (i64, String) = (row.get("id")?, row.get("message_id")?);
        for &place in &places {
            let new = &jobs[place].new;
            if new.kind == kind && new.unique_key.as_ref() == Some(&key) {
                found[place] = Some(Enqueued { id, message_id: message_id.clone(), is_duplicate: true });
            }
        }
    }
    Ok(())
}

/// A job within its bounds.
#[derive(Debug)]
struct Checked {
    new: NewJob,
    message_id: String,
    payload: String,
    /// Microseconds since 1970; 0 for none.
    run_at: i64,
    /// Microseconds from now.
    delay: i64,
    /// Microseconds from now; 0 for none.
    within: i64,
}

impl Checked {
    fn new(mut new: NewJob) -> Result<Self, Refusal> {
        let kind = || new.kind.clone();
        let named = [("queue", Some(&new.queue)), ("kind", Some(&new.kind))];
        let keys = [("order key", new.order_key.as_ref()), ("unique key", new.unique_key.as_ref())];
        for (part, text) in named.into_iter().chain(keys) {
            let Some(text) = text else { continue };
            if text.is_empty() {
                return Err(Refusal::Empty { part, kind: kind() });
            }
            if text.len() > MAX_KEY {
                return Err(Refusal::TooLong { part, kind: kind(), bytes: text.len(), bound: MAX_KEY });
            }
        }
        if new.priority >= PRIORITIES {
            return Err(Refusal::Range { part: "priority", value: new.priority.into(), range: "0 to 9" });
        }
        if !(1..=MAX_ATTEMPTS).contains(&new.max_attempts) {
            let value = new.max_attempts.into();
            return Err(Refusal::Range { part: "maximum of attempts", value, range: "1 to 1000" });
        }
        let payload = std::mem::replace(&mut new.payload, Ok(String::new()));
        let payload = payload.map_err(|cause| Refusal::Payload { kind: new.kind.clone(), cause })?;
        if payload.len() > MAX_PAYLOAD {
            let (kind, bytes) = (new.kind, payload.len());
            return Err(Refusal::TooLong { part: "payload", kind, bytes, bound: MAX_PAYLOAD });
        }
        let (run_at, delay) = match new.start {
            Start::After(delay) => (0, micros(delay)),
            // The first microsecond: zero stands for none.
            Start::At(moment) => (micros(moment.duration_since(UNIX_EPOCH).unwrap_or_default()).max(1), 0),
        };
        let within = new.deadline.map_or(0, |within| micros(within).max(1));
        let message_id = new.message_id.take().unwrap_or_else(|| vitals::new_id("msg"));
        new.trace = new.trace.or_else(traceparent);
        Ok(Self { new, message_id, payload, run_at, delay, within })
    }
}

/// A duration in microseconds, at most a hundred years.
pub(crate) fn micros(duration: Duration) -> i64 {
    const CENTURY: i64 = 100 * 366 * 86_400 * 1_000_000;
    i64::try_from(duration.as_micros()).unwrap_or(CENTURY).min(CENTURY)
}

/// A moment of the database.
pub(crate) fn moment(micros: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

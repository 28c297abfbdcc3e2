//! Leases: claims with a fence, and heartbeats.
//!
//! Each function is cancel-safe: a dropped future leaves each of its transactions whole or undone.
//! The jobs of a claim whose future was dropped are free again when their lease is over.

use std::time::Duration;

use ::store::{Engine, Transaction, args};

use super::claimed::{ClaimedJob, Held};
use super::enqueue::micros;
use super::store::JobStore;
use super::{MAX_BATCH, PRIORITIES};
use crate::boundary::boundary;
use crate::error::WorkError;
use crate::statement::{Statement, statement};

const CLAIM: Statement = statement!("claim");
const ORDERED_HEADS: Statement = statement!("ordered_heads");
const ORDERED_CLAIM: Statement = statement!("ordered_claim");
const QUEUE_GATE: Statement = statement!("queue_gate");
const QUEUE_DRAW: Statement = statement!("queue_draw");
const QUEUE_RUNNING: Statement = statement!("queue_running");
const BEAT: Statement = statement!("beat");
/// Order keys that one claim looks at.
const MAX_HEADS: i64 = 2_000;

/// Positions in the lanes of a queue, a lane a priority: a claim looks for jobs behind them only.
///
/// The index of ready jobs keeps entries of claimed ones for as long as an old snapshot lives. A claim from the front would walk all of
/// them. Jobs that were committed late or handed back are before the floor: claim from the front about once a second, and whenever a claim
/// comes back short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Floors([(i64, i64); PRIORITIES as usize]);

impl Default for Floors {
    fn default() -> Self {
        Self([(-1, -1); PRIORITIES as usize])
    }
}

impl Floors {
    /// The starts and ids of the positions, a lane each.
    pub(crate) fn columns(&self) -> (Vec<i64>, Vec<i64>) {
        self.0.iter().copied().unzip()
    }

    /// Moves behind these jobs.
    pub fn raise(&mut self, jobs: &[ClaimedJob]) {
        for job in jobs.iter().filter(|job| !job.is_ordered) {
            if let Some(floor) = self.0.get_mut(usize::from(job.priority)) {
                *floor = (*floor).max((job.run_at, job.held.id));
            }
        }
    }
}

/// A claim.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// The queue.
    pub queue: String,
    /// The kinds that the caller has handlers for; others stay.
    pub kinds: Vec<String>,
    /// Maximum number of jobs; at most [`MAX_BATCH`].
    pub limit: usize,
    /// Time until others may claim the jobs, unless a heartbeat extends it.
    pub lease: Duration,
    /// A name of the process for people; it is no fence.
    pub owner: String,
    /// Positions to start from.
    pub floors: Floors,
    /// True to look at jobs with order keys before the others. Looking at both in turns lets neither starve.
    pub ordered_first: bool,
    /// The order key to go on from; empty for the first. The claim moves it.
    pub order_cursor: String,
}

impl ClaimRequest {
    /// A claim from the front of a queue.
    pub fn new(queue: impl Into<String>, kinds: Vec<String>, limit: usize) -> Self {
        Self {
            queue: queue.into(),
            kinds,
            limit,
            lease: Duration::from_secs(30),
            owner: String::new(),
            floors: Floors::default(),
            ordered_first: false,
            order_cursor: String::new(),
        }
    }
}

/// The answer to a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// A job that is still held.
    pub id: i64,
    /// True when its cancellation was requested.
    pub is_cancelled: bool,
}

impl JobStore {
    /// Claims ready jobs: each is given to one caller, with a fence above all earlier ones of the job. Jobs come in the order of their
    /// priority and start; those with order keys at most one a key. The order cursor of the request is moved.
    ///
    /// # Errors
    /// The store's. After [`WorkError::Unknown`] the claimed jobs, if any, are free when their lease is over.
    pub async fn claim(&self, request: &mut ClaimRequest) -> Result<Vec<ClaimedJob>, WorkError> {
        if request.limit == 0 || request.kinds.is_empty() {
            return Ok(Vec::new());
        }
        request.limit = request.limit.min(MAX_BATCH);
        let engine = self.store().engine();
        let asked = request.clone();
        let (jobs, cursor) = self
            .write(|tx| {
                let asked = asked.clone();
                Box::pin(async move {
                    let claimed = Claiming { tx, engine, asked, jobs: Vec::new(), gate: None }.run().await?;
                    boundary("claim: before the commit");
                    Ok(claimed)
                })
            })
            .await?;
        boundary("claim: after the commit");
        request.order_cursor = cursor;
        Ok(jobs)
    }

    /// Extends the leases of jobs, and stores the progress of those that report one (an empty text for none); returns those that are
    /// still held. A job that is missing from the answer is done, or was claimed by another worker since.
    ///
    /// # Errors
    /// The store's.
    pub async fn beat(&self, held: &[(Held, String)], lease: Duration) -> Result<Vec<Beat>, WorkError> {
        let engine = self.store().engine();
        let mut answers = Vec::with_capacity(held.len());
        for batch in held.chunks(MAX_BATCH) {
            let ids: Vec<i64> = batch.iter().map(|(held, _)| held.id).collect();
            let fences: Vec<i64> = batch.iter().map(|(held, _)| held.fence).collect();
            let progress: Vec<String> = batch.iter().map(|(_, progress)| progress.clone()).collect();
            let rows = self
                .write(|tx| {
                    let values = args![ids.clone(), fences.clone(), micros(lease), progress.clone()];
                    Box::pin(async move { Ok(tx.fetch_all(BEAT.on(engine), values).await?) })
                })
                .await?;
            for row in rows {
                answers.push(Beat { id: row.get("id")?, is_cancelled: row.get("cancelled")? });
            }
        }
        Ok(answers)
    }
}

/// The limits of a queue, whose row the transaction holds.
struct Gate {
    allowance: usize,
    tokens: Option<f64>,
}

/// One claim in its transaction.
struct Claiming<'t> {
    tx: &'t mut Transaction,
    engine: Engine,
    asked: ClaimRequest,
    jobs: Vec<ClaimedJob>,
    gate: Option<Gate>,
}

impl Claiming<'_> {
    async fn run(mut self) -> Result<(Vec<ClaimedJob>, String), WorkError> {
        if self.asked.ordered_first {
            self.open_gate().await?;
            self.claim_ordered().await?;
            self.claim_unordered().await?;
        } else {
            // Of a queue with limits this returns nothing.
            self.claim_unordered().await?;
            if self.left() > 0 {
                self.open_gate().await?;
                if self.gate.is_some() {
                    self.claim_unordered().await?;
                }
                self.claim_ordered().await?;
            }
        }
        if let Some(tokens) = self.gate.as_ref().and_then(|gate| gate.tokens) {
            let left = tokens - self.jobs.len() as f64;
            self.tx.execute(QUEUE_DRAW.on(self.engine), args![&self.asked.queue, left]).await?;
        }
        self.jobs.sort_by_key(|job| (job.priority, job.run_at, job.held.id));
        Ok((self.jobs, self.asked.order_cursor))
    }

    /// Returns the number of jobs that may still be claimed.
    fn left(&self) -> usize {
        let bound = self.gate.as_ref().map_or(self.asked.limit, |gate| gate.allowance.min(self.asked.limit));
        bound.saturating_sub(self.jobs.len())
    }

    /// Reads the limits of the queue and locks them, if it has any: claims of the queue then take turns on all nodes.
    async fn open_gate(&mut self) -> Result<(), WorkError> {
        let Some(row) = self.tx.fetch_optional(QUEUE_GATE.on(self.engine), args![&self.asked.queue]).await? else {
            return Ok(());
        };
        let mut allowance = self.asked.limit;
        if let Some(bound) = row.get::<Option<usize>>("max_running")? {
            let row = self.tx.fetch_one(QUEUE_RUNNING.on(self.engine), args![&self.asked.queue]).await?;
            allowance = allowance.min(bound.saturating_sub(row.get("running")?));
        }
        let mut tokens = None;
        if let Some(rate) = row.get::<Option<u32>>("rate_per_second")? {
            let (rate, since) = (f64::from(rate), row.get::<i64>("since")? as f64 / 1e6);
            // The bucket holds the tokens of one second.
            let filled = (row.get::<f64>("tokens")? + since.max(0.0) * rate).min(rate.max(1.0));
            tokens = Some(filled);
            allowance = allowance.min(filled.max(0.0) as usize);
        }
        self.gate = Some(Gate { allowance, tokens });
        Ok(())
    }

    async fn claim_unordered(&mut self) -> Result<(), WorkError> {
        if self.left() == 0 {
            return Ok(());
        }
        let (starts, ids) = self.asked.floors.columns();
        let values = args![
            &self.asked.queue,
            self.left(),
            micros(self.asked.lease),
            &self.asked.owner,
            (0..i64::from(PRIORITIES)).collect::<Vec<_>>(),
            starts,
            ids,
            self.asked.kinds.clone(),
            self.gate.is_some(),
        ];
        let rows = self.tx.fetch_all(CLAIM.on(self.engine), values).await?;
        self.jobs.extend(ClaimedJob::read_all(rows, self.engine)?);
        Ok(())
    }

    async fn claim_ordered(&mut self) -> Result<(), WorkError> {
        let left = self.left();
        if left == 0 {
            return Ok(());
        }
        let values = args![&self.asked.queue, &self.asked.order_cursor, MAX_HEADS, self.asked.kinds.clone()];
        let heads = self.tx.fetch_all(ORDERED_HEADS.on(self.engine), values).await?;
        let is_last = heads.len() < MAX_HEADS as usize;
        let mut due: Vec<i64> = Vec::new();
        let mut cursor = String::new();
        for head in &heads {
            if due.len() == left {
                break;
            }
            cursor = head.get("order_key")?;
            if head.get::<bool>("is_due")? {
                due.push(head.get("id")?);
            }
        }
        // Behind the last key the next claim begins at the first one again.
        self.asked.order_cursor = if is_last && due.len() < left { String::new() } else { cursor };
        if due.is_empty() {
            return Ok(());
        }
        let values = args![due, micros(self.asked.lease), &self.asked.owner];
        for row in self.tx.fetch_all(ORDERED_CLAIM.on(self.engine), values).await? {
            self.jobs.push(ClaimedJob::read(&row)?);
        }
        Ok(())
    }
}

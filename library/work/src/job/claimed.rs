//! Jobs that were claimed, as the database returns them.

use std::time::Duration;

use ::store::{Engine, Row, StoreError};

/// A claimed job, by its id and the fence of the claim. A later claim of the same job has a higher fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    /// The id of the row.
    pub id: i64,
    /// The fence of the claim.
    pub fence: i64,
}

/// A job that was claimed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClaimedJob {
    /// Its id and fence.
    pub held: Held,
    /// The id of the message, the same in all attempts.
    pub message_id: String,
    /// The kind.
    pub kind: String,
    /// The priority.
    pub priority: u8,
    /// The earliest start in microseconds since 1970.
    pub run_at: i64,
    /// True when it has an order key.
    pub is_ordered: bool,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// Maximum number of attempts.
    pub max_attempts: u32,
    /// Number of times that it was redriven from the dead letters.
    pub redrives: u32,
    /// The payload, as JSON.
    pub payload: String,
    /// The `traceparent` of the work that caused it.
    pub trace: Option<String>,
    /// Time until its deadline; zero when it is over.
    pub deadline_in: Option<Duration>,
    /// Time since the earliest start.
    pub waited: Duration,
}

impl ClaimedJob {
    /// Reads the answer to a claim of jobs without order keys: one row of lists on PostgreSQL, a row a job on SQLite.
    pub(crate) fn read_all(rows: Vec<Row>, engine: Engine) -> Result<Vec<Self>, StoreError> {
        match engine {
            Engine::Postgres => rows.into_iter().next().map_or_else(|| Ok(Vec::new()), Self::read_lists),
            Engine::Sqlite => rows.iter().map(Self::read).collect(),
        }
    }

    /// Reads a row of one job.
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            held: Held { id: row.get("id")?, fence: row.get("fence")? },
            message_id: row.get("message_id")?,
            kind: row.get("kind")?,
            priority: row.get("priority")?,
            run_at: row.get("run_at")?,
            is_ordered: row.get("is_ordered")?,
            attempt: row.get("attempt")?,
            max_attempts: row.get("max_attempts")?,
            redrives: row.get("redrives")?,
            payload: row.get("payload")?,
            trace: row.get("trace")?,
            deadline_in: row.get::<Option<i64>>("deadline_in")?.map(span),
            waited: span(row.get("waited")?),
        })
    }

    /// Reads a row of lists.
    fn read_lists(row: Row) -> Result<Vec<Self>, StoreError> {
        let mut lists = Lists::read(row)?;
        let mut jobs = Vec::with_capacity(lists.ids.len());
        while let Some(id) = lists.ids.next() {
            jobs.push(lists.job(id).ok_or_else(malformed)?);
        }
        Ok(jobs)
    }
}

type Numbers = std::vec::IntoIter<i64>;
type Texts = std::vec::IntoIter<String>;

/// The lists of a row, which have an entry a job: an empty trace and a deadline below zero stand for none.
struct Lists {
    ids: Numbers,
    fences: Numbers,
    message_ids: Texts,
    kinds: Texts,
    priorities: Numbers,
    run_ats: Numbers,
    attempts: Numbers,
    max_attempts: Numbers,
    redrives: Numbers,
    payloads: Texts,
    traces: Texts,
    deadlines: Numbers,
    waits: Numbers,
}

impl Lists {
    fn read(mut row: Row) -> Result<Self, StoreError> {
        let numbers = |row: &mut Row, name| row.take::<Vec<i64>>(name).map(Vec::into_iter);
        let texts = |row: &mut Row, name| row.take::<Vec<String>>(name).map(Vec::into_iter);
        Ok(Self {
            ids: numbers(&mut row, "id")?,
            fences: numbers(&mut row, "fence")?,
            message_ids: texts(&mut row, "message_id")?,
            kinds: texts(&mut row, "kind")?,
            priorities: numbers(&mut row, "priority")?,
            run_ats: numbers(&mut row, "run_at")?,
            attempts: numbers(&mut row, "attempt")?,
            max_attempts: numbers(&mut row, "max_attempts")?,
            redrives: numbers(&mut row, "redrives")?,
            payloads: texts(&mut row, "payload")?,
            traces: texts(&mut row, "trace")?,
            deadlines: numbers(&mut row, "deadline_in")?,
            waits: numbers(&mut row, "waited")?,
        })
    }

    /// The next entry of each list; none when one of them is shorter than that of the ids, or holds what no job has.
    fn job(&mut self, id: i64) -> Option<ClaimedJob> {
        let number = |list: &mut Numbers| list.next().and_then(|number| u32::try_from(number).ok());
        Some(ClaimedJob {
            held: Held { id, fence: self.fences.next()? },
            message_id: self.message_ids.next()?,
            kind: self.kinds.next()?,
            priority: u8::try_from(self.priorities.next()?).ok()?,
            run_at: self.run_ats.next()?,
            is_ordered: false,
            attempt: number(&mut self.attempts)?,
            max_attempts: number(&mut self.max_attempts)?,
            redrives: number(&mut self.redrives)?,
            payload: self.payloads.next()?,
            trace: Some(self.traces.next()?).filter(|trace| !trace.is_empty()),
            deadline_in: Some(self.deadlines.next()?).filter(|left| *left >= 0).map(span),
            waited: span(self.waits.next()?),
        })
    }
}

/// The error of an answer whose lists do not fit together, which no claim returns.
fn malformed() -> StoreError {
    StoreError::Other(::store::sqlx::Error::Decode("the lists of claimed jobs do not fit together".into()))
}

/// Microseconds as a duration; zero for those below it.
fn span(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

//! SQL over the live state, read-only and bounded.
//!
//! Each question gets a private database in memory. All tables of the registry are declared in it, so that `sqlite_schema` lists them; SQLite's
//! authorizer tells which of them the statement reads, and only those are filled, with the rows of the moment. The statement can
//! change neither the service nor the copy, and a watch ends it by time and memory.
//!
//! | bound | value |
//! |---|---|
//! | questions at the same time | [`AT_A_TIME`]; a further one waits for [`WAIT`] |
//! | time | [`DEFAULT_TIME`], up to [`MAX_TIME`] |
//! | answer | [`MAX_ROWS`] and [`MAX_ANSWER`] |
//! | statement | [`MAX_SQL`] |
//! | one value | [`MAX_VALUE`] |
//! | rows copied from the registry | [`MAX_COPIED`] |
//! | growth of the process's memory | [`MAX_MEMORY`] |
//!
//! A bound that ends an answer is named in [`Answer::cut`]; the rows before it are there. A sort is one step of SQLite, which ends before the bound is
//! looked at: of what fits into the memory it takes less than a second.

mod answer;
mod bounds;
mod catalogue;
mod copy;
mod database;
mod error;
mod format;
mod named;
mod trim;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout};
use vitals::Registry;

pub use self::answer::{Answer, Cell, Cut};
pub use self::bounds::{
    AT_A_TIME, DEFAULT_TIME, MAX_ANSWER, MAX_COPIED, MAX_MEMORY, MAX_ROWS, MAX_SQL, MAX_TIME, MAX_VALUE, WAIT,
};
pub use self::catalogue::CATALOGUE_VERSION;
pub use self::error::QueryError;
pub use self::format::Format;
use self::watch::Watch;

/// The priority of a question's thread: requests come first. No lower: SQLite's caches share a lock with those of the store, and a thread that is not
/// scheduled while it holds the lock makes the store wait.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// Answers questions about a registry. Clones share their turns.
#[derive(Clone, Debug)]
pub struct Query {
    registry: Registry,
    turns: Arc<Semaphore>,
}

/// A statement, and the time that its answer may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    sql: String,
    time: Duration,
}

/// An answer in one of its forms.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// The bound that ended it; none when it is whole.
    pub cut: Option<Cut>,
}

impl Question {
    /// One SELECT of SQLite's dialect, with [`DEFAULT_TIME`].
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), time: DEFAULT_TIME }
    }

    /// Sets the time, at most [`MAX_TIME`].
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.time = time.min(MAX_TIME);
        self
    }

    /// Its statement.
    pub fn sql(&self) -> &str {
        &self.sql
    }
}

impl Query {
    /// Creates it for a registry.
    pub fn new(registry: &Registry) -> Self {
        Self { registry: registry.clone(), turns: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// Returns the statement of a query that has a name. `SELECT * FROM vitals_queries` lists them.
    ///
    /// # Errors
    /// With the known names.
    pub fn named(&self, name: &str) -> Result<Question, QueryError> {
        let all = named::available(&catalogue::tables(&self.registry));
        let known = all.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
        let found = all.into_iter().find(|(known, ..)| *known == name).map(|(.., sql)| Question::new(sql));
        found.ok_or_else(|| QueryError::UnknownName { name: name.to_owned(), known })
    }

    /// Answers a question. Cancel-safe: a dropped future ends the question at its next step, and gives its turn back.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn ask(&self, question: Question) -> Result<Answer, QueryError> {
        self.answered(question, |answer| answer).await
    }

    /// Answers a question in this form, as [`Query::ask`]. Cancel-safe in the same way.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn rendered(&self, question: Question, format: Format) -> Result<Rendered, QueryError> {
        self.answered(question, move |answer| Rendered { text: format.write(&answer), cut: answer.cut }).await
    }

    async fn answered<T: Send + 'static>(
        &self,
        question: Question,
        form: impl FnOnce(Answer) -> T + Send + 'static,
    ) -> Result<T, QueryError> {
        let turn = timeout(WAIT, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(QueryError::Busy)?;
        let waiting = Waiting::default();
        let (registry, is_forsaken) = (self.registry.clone(), Arc::clone(&waiting.is_forsaken));
        let (sender, answer) = oneshot::channel();
        let thread = std::thread::Builder::new().name("query".to_owned());
        let begun = thread.spawn(move || {
            let done = on_thread(&registry, &question, is_forsaken).map(form);
            // Whoever has the answer finds a free turn.
            drop::<OwnedSemaphorePermit>(turn);
            let _ = sender.send(done);
        });
        begun.map_err(|error| QueryError::Failed(format!("no thread for it: {error}")))?;
        let broken = || QueryError::Failed("its thread broke off, which is a fault of this library".to_owned());
        answer.await.unwrap_or_else(|_| Err(broken()))
    }
}

fn on_thread(registry: &Registry, question: &Question, is_forsaken: Arc<AtomicBool>) -> Result<Answer, QueryError> {
    #[cfg(target_os = "linux")]
    {
        // On Linux the priority is that of a thread. Without it the question is answered all the same.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
    }
    let begun = Instant::now();
    let mut watch = Watch::begin(question.time, is_forsaken);
    let answer = database::answer(registry, &question.sql, &mut watch)?;
    Ok(Answer { took: begun.elapsed(), ..answer })
}

/// The wait for an answer; its drop ends the question.
#[derive(Debug, Default)]
struct Waiting {
    is_forsaken: Arc<AtomicBool>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.is_forsaken.store(true, Ordering::Relaxed);
    }
}

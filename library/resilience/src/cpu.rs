//! The bulkhead for CPU-bound and blocking work: it has threads of its own, so that work that waits for the network is never delayed by work
//! that occupies a processor.
//!
//! Threads and queue are bounded; work beyond both is refused. Work sees the deadline of the calling task ([`Deadline::current`]) and can check
//! now and then whether it is still [`Wanted`]; queued work without a caller is not begun.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use evenkeel_resilience::{CpuPool, CpuRules};
//!
//! let pool = CpuPool::new("sums", CpuRules::default()).expect("threads");
//! let sum = pool.run(|wanted| {
//!     let mut sum = 0_u64;
//!     for number in 0..1_000_u64 {
//!         wanted.check()?;
//!         sum += number;
//!     }
//!     Ok(sum)
//! });
//! assert_eq!(sum.await, Ok(499_500));
//! # }
//! ```

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use vitals::{Column, Registry, Source, Table, TableRow, TableValue};

use crate::deadline::{Deadline, Expired};
use crate::invalid::InvalidRules;
use crate::setters::setters;

/// The most threads of a pool.
pub const MAX_THREADS: u32 = 1024;
/// The longest queue of a pool.
pub const MAX_QUEUE: u32 = 100_000;
/// Default queue length for each thread.
const QUEUE_OF_A_THREAD: u32 = 16;

const CPU: Table = Table {
    name: "cpu_pool",
    help: "Threads of their own for work that computes.",
    columns: &[
        Column::label("name", "The pool."),
        Column::gauge("threads", "Its threads."),
        Column::gauge("running", "Pieces of work that have a thread."),
        Column::gauge("queued", "Pieces of work that wait for one."),
        Column::counter("done", "Pieces of work that were begun and have ended."),
        Column::counter("refused", "Pieces of work that found the queue full."),
        Column::counter("forsaken", "Pieces of work abandoned by their callers before a thread was free."),
    ],
};

/// Rules of a pool for CPU-bound work: threads and queue length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CpuRules {
    /// Threads, from 1 to [`MAX_THREADS`]. (With the feature `without-guards` also 0: the caller's thread does the work.)
    pub threads: u32,
    /// Pieces of work that wait, at most [`MAX_QUEUE`].
    pub queue: u32,
}

setters!(CpuRules: set { threads: u32, queue: u32 } turn {});

impl Default for CpuRules {
    /// One thread less than there are cores, and at least one; 16 pieces of work in the queue for each.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        Self::of(cores.saturating_sub(1).clamp(1, MAX_THREADS))
    }
}

impl CpuRules {
    /// Creates rules for this many threads, with a queue of 16 pieces of work for each.
    pub const fn of(threads: u32) -> Self {
        Self { threads, queue: threads.saturating_mul(QUEUE_OF_A_THREAD) }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        let none = self.threads == 0 && !cfg!(feature = "without-guards");
        if none || self.threads > MAX_THREADS {
            return Err(InvalidRules::Threads { threads: self.threads, most: MAX_THREADS });
        }
        if self.queue > MAX_QUEUE {
            return Err(InvalidRules::Queue { queue: self.queue, most: MAX_QUEUE });
        }
        Ok(())
    }
}

/// Reason why there is no pool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoPool {
    /// The rules make no sense.
    #[error(transparent)]
    Rules(#[from] InvalidRules),
    /// The operating system gives no thread.
    #[error("cannot start thread {number} of the pool {name}: {source}")]
    Thread {
        /// The pool.
        name: Arc<str>,
        /// Number of the thread, from 0.
        number: u32,
        /// Error of the operating system.
        source: std::io::Error,
    },
}

/// Reason why work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CpuError {
    /// All threads are taken, and so is the queue.
    #[error(
        "all threads of the pool are busy and its queue is full: retry later, or give the pool more threads or a longer queue"
    )]
    Full,
    /// The deadline passed before the work was done.
    #[error(transparent)]
    Expired(#[from] Expired),
    /// The caller no longer waits for it; only the work itself sees this.
    #[error("the caller of this work is gone")]
    Forsaken,
}

/// Handle by which work checks that its caller still waits.
pub struct Wanted<'a> {
    deadline: Option<Deadline>,
    forsaken: &'a dyn Fn() -> bool,
}

impl Wanted<'_> {
    /// Checks that the caller still waits. Reads the clock if there is a deadline: once in a millisecond of work is plenty.
    ///
    /// # Errors
    /// [`CpuError::Expired`] or [`CpuError::Forsaken`]: the work should end.
    pub fn check(&self) -> Result<(), CpuError> {
        match self.deadline {
            Some(deadline) if deadline.is_over() => Err(CpuError::Expired(Expired)),
            _ if (self.forsaken)() => Err(CpuError::Forsaken),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wanted").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// Thread pool for CPU-bound work. Cheap to clone; the threads end with the last clone, after their current work.
#[derive(Clone, Debug)]
pub struct CpuPool {
    shared: Arc<Shared>,
    _open: Arc<Open>,
}

impl CpuPool {
    /// Creates a pool with these threads, named after it.
    ///
    /// # Errors
    /// Invalid rules, or a thread that cannot be started.
    pub fn new(name: impl Into<Arc<str>>, rules: CpuRules) -> Result<Self, NoPool> {
        Self::begun_with(name, rules, |_| ())
    }

    /// Creates a pool whose threads first run `first` with their number from 0: to pin them to a core, for example.
    ///
    /// # Errors
    /// Invalid rules, or a thread that cannot be started.
    pub fn begun_with(
        name: impl Into<Arc<str>>,
        rules: CpuRules,
        first: impl Fn(u32) + Send + Sync + 'static,
    ) -> Result<Self, NoPool> {
        rules.check()?;
        let (name, first) = (name.into(), Arc::new(first));
        let shared = Arc::new(Shared {
            name: Arc::clone(&name),
            rules,
            state: Mutex::default(),
            changed: Condvar::new(),
            done: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            forsaken: AtomicU64::new(0),
        });
        let pool = Self { _open: Arc::new(Open(Arc::clone(&shared))), shared };
        for number in 0..rules.threads {
            let (shared, first) = (Arc::clone(&pool.shared), Arc::clone(&first));
            std::thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || {
                    first(number);
                    shared.serve();
                })
                .map_err(|source| NoPool::Thread { name: Arc::clone(&name), number, source })?;
        }
        Ok(pool)
    }

    /// Shows the pool in the registry, as a row of the table `cpu_pool`.
    pub fn register(&self, registry: &Registry) {
        registry.register(Arc::clone(&self.shared));
    }

    /// The rules.
    pub fn rules(&self) -> CpuRules {
        self.shared.rules
    }

    /// Does work on a thread of the pool, until the running task's deadline.
    ///
    /// Cancel-safe: queued work of a dropped caller is not begun, and its place in the queue is free at once; running work ends by itself when
    /// it checks whether it is [`Wanted`].
    ///
    /// # Errors
    /// [`CpuError::Full`] at once, [`CpuError::Expired`] at the deadline, and the errors of the work itself.
    ///
    /// # Panics
    /// Panics with the panic of the work.
    pub async fn run<T, F>(&self, work: F) -> Result<T, CpuError>
    where
        F: FnOnce(&Wanted<'_>) -> Result<T, CpuError> + Send + 'static,
        T: Send + 'static,
    {
        let deadline = Deadline::current();
        #[cfg(feature = "without-guards")]
        if self.shared.rules.threads == 0 {
            return work(&Wanted { deadline, forsaken: &|| false });
        }
        let (answer, mut answered) = oneshot::channel();
        let shared = Arc::downgrade(&self.shared);
        let job = move || {
            let result = {
                let forsaken = || answer.is_closed();
                let wanted = Wanted { deadline, forsaken: &forsaken };
                if wanted.check().is_err() {
                    if let Some(shared) = shared.upgrade() {
                        shared.forsaken.fetch_add(1, Relaxed);
                    }
                    return;
                }
                catch_unwind(AssertUnwindSafe(|| match deadline {
                    Some(deadline) => deadline.as_current_sync(|| work(&wanted)),
                    None => work(&wanted),
                }))
            };
            // Who does not wait any more does not miss it.
            let _ = answer.send(result);
        };
        let _turn = self.shared.enter(Box::new(job))?;
        let answered = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline.at(), &mut answered).await.map_err(|_| Expired)?,
            None => answered.await,
        };
        match answered {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            // A thread found that the deadline had passed a moment before the timer did.
            Err(_) => Err(CpuError::Expired(Expired)),
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

#[derive(Debug)]
struct Shared {
    name: Arc<str>,
    rules: CpuRules,
    state: Mutex<State>,
    changed: Condvar,
    done: AtomicU64,
    refused: AtomicU64,
    forsaken: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Queue of at most [`CpuRules::queue`] more than there are threads without work.
    queue: VecDeque<(u64, Job)>,
    running: u32,
    /// The number of the next job.
    next: u64,
    closed: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("queued", &self.queue.len())
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, job: Job) -> Result<Place<'_>, CpuError> {
        let mut state = self.state();
        let inside = state.queue.len() + state.running as usize;
        if inside >= (self.rules.threads + self.rules.queue) as usize {
            self.refused.fetch_add(1, Relaxed);
            return Err(CpuError::Full);
        }
        let number = state.next;
        state.next += 1;
        state.queue.push_back((number, job));
        drop(state);
        self.changed.notify_one();
        Ok(Place { shared: self, number })
    }

    /// A thread's life: job after job until the pool is closed.
    fn serve(&self) {
        let mut state = self.state();
        loop {
            if let Some((_, job)) = state.queue.pop_front() {
                state.running += 1;
                drop(state);
                job();
                self.done.fetch_add(1, Relaxed);
                state = self.state();
                state.running -= 1;
            } else if state.closed {
                return;
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// A place in the queue; dropping it gives the place back.
struct Place<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        // Numbers grow along the queue.
        if let Ok(at) = state.queue.binary_search_by_key(&self.number, |(number, _)| *number) {
            let job = state.queue.remove(at);
            drop(state);
            self.shared.forsaken.fetch_add(1, Relaxed);
            // Whatever the work holds is dropped outside of the lock.
            drop(job);
        }
    }
}

/// The clones of a pool: with the last one its threads end.
#[derive(Debug)]
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.state().closed = true;
        self.0.changed.notify_all();
    }
}

impl Source for Shared {
    fn table(&self) -> &'static Table {
        &CPU
    }

    fn rows(&self) -> Vec<TableRow> {
        let (queued, running) = {
            let state = self.state();
            (state.queue.len(), state.running)
        };
        let count = |counter: &AtomicU64| TableValue::Count(counter.load(Relaxed));
        vec![vec![
            TableValue::text(&*self.name),
            TableValue::Level(f64::from(self.rules.threads)),
            TableValue::Level(f64::from(running)),
            TableValue::Level(queued as f64),
            count(&self.done),
            count(&self.refused),
            count(&self.forsaken),
        ]]
    }
}

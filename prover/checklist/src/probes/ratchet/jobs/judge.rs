//! The judges of `ratchet.jobs`, on observations alone.

use std::time::{Duration, Instant};

use keel_drill::double::Call;

/// Calls of a job in a second that no backoff explains.
const OFTEN: f64 = 1.5;

/// Calls of each job in the first third, and times those of the last third, from which it is clear that repeats become rare.
const CLEARLY: usize = 3;

/// The calls of failing jobs in the first and in the last third of the time.
pub(super) struct Attempts {
    pub(super) jobs: usize,
    pub(super) all: usize,
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) time: Duration,
}

impl Attempts {
    pub(super) fn of(calls: &[Call], begun: Instant, time: Duration, jobs: usize) -> Self {
        let third = time / 3;
        let within = |from: Duration, to: Duration| {
            let at = |call: &&Call| (from..to).contains(&call.at.saturating_duration_since(begun));
            calls.iter().filter(at).count()
        };
        let (first, last) = (within(Duration::ZERO, third), within(third * 2, time));
        Self { jobs, all: calls.len(), first, last, time }
    }

    /// Returns true if every job was repeated in the first third, and calls are rarer by far in the last.
    pub(super) fn clearly_back_off(&self) -> bool {
        self.first >= CLEARLY * self.jobs && self.last * CLEARLY <= self.first
    }

    /// Calls of a job in a second of the last third.
    fn rate(&self) -> f64 {
        self.last as f64 / self.jobs.max(1) as f64 / (self.time / 3).as_secs_f64().max(f64::MIN_POSITIVE)
    }

    pub(super) fn told(&self, dependency: &str) -> String {
        let Self { jobs, all, first, last, time } = self;
        format!(
            "{jobs} jobs that failed for {time:.0?} called {dependency} {all} times: {first} times in the first third of it and {last} times \
             in the last"
        )
    }
}

/// Leaves out calls that fewer came of than there were jobs, such as checks of the dependency's health: they are of no job.
pub(super) fn calls_of_jobs(calls: Vec<Call>, jobs: usize) -> Vec<Call> {
    let like = |call: &Call| calls.iter().filter(|other| other.is_like(call)).count();
    calls.iter().filter(|call| like(call) >= jobs).cloned().collect()
}

/// Judges whether failing jobs are repeated more and more rarely; none when the calls do not say.
pub(super) fn backoff(attempts: &Attempts) -> Option<bool> {
    let repeated = attempts.all > attempts.jobs;
    if repeated && attempts.last * 2 <= attempts.first {
        return Some(true);
    }
    (attempts.rate() > OFTEN).then_some(false)
}

/// Judges whether the number of jobs that run at once is bounded; none when too few waited to tell.
pub(super) fn concurrency(jobs: usize, most: usize, asked: usize) -> Option<bool> {
    if jobs * 4 < asked * 3 || most == 0 {
        return None;
    }
    match (most * 4 <= jobs * 3, most >= jobs) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// Judges that there is a job for each acknowledged request, and none for others: `jobs` at most, `left` of them not done, and calls under
/// so many keys; none of the latter when calls carry no key.
pub(super) fn transaction(
    jobs: usize,
    left: usize,
    keys: Option<usize>,
    name: &str,
    dependency: &str,
) -> (Option<bool>, String) {
    if left > 0 {
        let what = format!("{left} requests {name} were acknowledged and their jobs are not there after a SIGKILL");
        return (Some(false), what);
    }
    match keys {
        None => (
            None,
            format!(
                "calls to {dependency} carry no `Idempotency-Key`, so jobs that no request was acknowledged for are not seen"
            ),
        ),
        Some(keys) if keys > jobs => (
            Some(false),
            format!("{keys} jobs of {name} called {dependency}, and only {jobs} requests were acknowledged or cut off"),
        ),
        Some(keys) => (
            Some(true),
            format!(
                "{jobs} requests {name} were acknowledged around a SIGKILL: each job is done, and {keys} jobs called {dependency}"
            ),
        ),
    }
}

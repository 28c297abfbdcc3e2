//! Servers under overload: the same handlers on bare axum, on axum with a static limit, and on evenkeel.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use evenkeel::prelude::*;
use evenkeel::resilience::Criticality;
use tokio::sync::Semaphore;

/// Work of the handlers. `/work`, `/critical` and `/sheddable` do the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// 1 ms of CPU in four slices, with a yield after each.
    CpuYielding,
    /// 1 ms of CPU in one poll.
    CpuHard,
    /// 10 ms of CPU in one poll: as many requests in the accept queue wait ten times as long.
    CpuHardLong,
    /// A dependency with [`PLACES`] places, 50 ms each.
    Dependency,
    /// 1 ms of CPU on `/work` and 100 ms on `/long`, in slices of a quarter of a millisecond.
    Bimodal,
}

/// Places of the dependency.
pub(crate) const PLACES: usize = 50;
/// Time that the dependency takes.
pub(crate) const DEPENDENCY: Duration = Duration::from_millis(50);
/// Slices of the yielding handler in a millisecond.
const SLICES: u64 = 4;
/// Milliseconds of a long request.
pub(crate) const LONG: u64 = 100;

/// The state of a handler.
#[derive(Clone, Debug)]
struct Work {
    workload: Workload,
    /// Rounds of [`compute`] that take 1 ms.
    rounds: u64,
    places: Arc<Semaphore>,
    /// From this moment on, the same work takes twice as long; none for never.
    halved: Option<Instant>,
}

impl Workload {
    pub(crate) const ALL: [Self; 5] =
        [Self::CpuYielding, Self::CpuHard, Self::CpuHardLong, Self::Dependency, Self::Bimodal];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CpuYielding => "cpu-yielding",
            Self::CpuHard => "cpu-hard",
            Self::CpuHardLong => "cpu-hard-10ms",
            Self::Dependency => "dependency",
            Self::Bimodal => "bimodal",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workload| workload.name() == name)
    }
}

impl Work {
    async fn run(self, millis: u64) -> &'static str {
        let factor = if self.halved.is_some_and(|at| Instant::now() >= at) { 2 } else { 1 };
        match self.workload {
            Workload::CpuYielding | Workload::Bimodal => {
                for _ in 0..SLICES * millis * factor {
                    compute(self.rounds / SLICES);
                    tokio::task::yield_now().await;
                }
            }
            Workload::CpuHard => compute(self.rounds * millis * factor),
            Workload::CpuHardLong => compute(self.rounds * 10 * millis * factor),
            Workload::Dependency => {
                let _place = self.places.acquire().await;
                tokio::time::sleep(DEPENDENCY * u32::try_from(factor).unwrap_or(1)).await;
            }
        }
        "done"
    }

    /// A route whose requests take so many milliseconds.
    fn route(&self, path: &str, millis: u64) -> Router {
        let work = self.clone();
        Router::new().route(path, get(move || work.run(millis)))
    }

    fn all(&self) -> Router {
        self.critical().merge(self.others())
    }

    fn critical(&self) -> Router {
        self.route("/critical", 1)
    }

    fn others(&self) -> Router {
        self.route("/work", 1).merge(self.route("/sheddable", 1)).merge(self.route("/long", LONG))
    }
}

/// Runs a fixed amount of work, so that a busy machine makes the server slower and not the request smaller.
fn compute(rounds: u64) {
    let mut state = std::hint::black_box(0x2545_f491_4f6c_dd1d_u64);
    for _ in 0..rounds {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    std::hint::black_box(state);
}

/// Returns the rounds of [`compute`] that take 1 ms on a core that nothing else uses: the fastest of several tries.
pub(crate) fn rounds_in_a_millisecond() -> u64 {
    const ROUNDS: u64 = 1_000_000;
    let fastest = (0..50).map(|_| {
        let start = Instant::now();
        compute(ROUNDS);
        start.elapsed()
    });
    let fastest = fastest.min().unwrap_or(Duration::from_millis(1)).as_secs_f64().max(1e-6);
    (ROUNDS as f64 / fastest / 1e3) as u64
}

/// Serves until it is killed. `which` is `bare`, `bare:N` (with room for N connections in the accept queue), `static:N` (at most N requests at a time, more are answered 503) or `evenkeel`;
/// `halved_after` is in milliseconds, 0 for never.
pub(crate) fn serve(which: &str, workload: &str, rounds: &str, halved_after: &str, port: &str) -> ExitCode {
    let (Some(workload), Ok(rounds), Ok(halved_after)) =
        (Workload::named(workload), rounds.parse(), halved_after.parse::<u64>())
    else {
        eprintln!("bench: {workload:?} is no workload, or {rounds:?} or {halved_after:?} no number");
        return ExitCode::from(2);
    };
    let halved = (halved_after > 0).then(|| Instant::now() + Duration::from_millis(halved_after));
    let work = Work { workload, rounds, places: Arc::new(Semaphore::new(PLACES)), halved };
    if let Some(Ok(accept_queue)) = which.strip_prefix("bare:").map(str::parse) {
        return crate::border::serve_bare_with(work.all(), port, accept_queue);
    }
    match which.strip_prefix("static:").map(str::parse) {
        Some(Ok(limit)) => crate::border::serve_bare(limited(work.all(), limit), port),
        Some(Err(_)) => {
            eprintln!("bench: {which:?} has no number after static:");
            ExitCode::from(2)
        }
        None if which == "bare" => crate::border::serve_bare(work.all(), port),
        None => serve_evenkeel(work, port),
    }
}

/// Serves with nothing configured but the addresses and the class of `/critical`.
fn serve_evenkeel(work: Work, port: &str) -> ExitCode {
    let (critical, others) = (work.critical(), work.others());
    Service::new(build_info!())
        .routes_with(|limits| limits.criticality = Criticality::Critical, move |_context| critical)
        .routes(move |_context| others)
        .main_with([
            "bench".into(),
            "--host=127.0.0.1".into(),
            format!("--port={port}").into(),
            "--admin-addr=127.0.0.1:0".into(),
        ])
}

/// Answers 503 to requests beyond `limit` at a time.
fn limited(routes: Router, limit: usize) -> Router {
    let places = Arc::new(Semaphore::new(limit));
    routes.layer(from_fn(move |request: Request, next: Next| {
        let place = places.clone().try_acquire_owned();
        async move {
            match place {
                Ok(_place) => next.run(request).await,
                Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            }
        }
    }))
}

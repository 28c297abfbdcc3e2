//! Servers under overload: the same three handlers on bare axum, on axum with a static limit, and on evenkeel.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use evenkeel::prelude::*;
use tokio::sync::Semaphore;

/// Work of one handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// 1 ms of CPU in four slices, with a yield after each.
    CpuYielding,
    /// 1 ms of CPU in one poll.
    CpuHard,
    /// A dependency with [`PLACES`] places, 50 ms each.
    Dependency,
}

/// Places of the dependency.
pub(crate) const PLACES: usize = 50;
/// Time that the dependency takes.
pub(crate) const DEPENDENCY: Duration = Duration::from_millis(50);
/// Slices of the yielding handler.
const SLICES: u64 = 4;

impl Workload {
    pub(crate) const ALL: [Self; 3] = [Self::CpuYielding, Self::CpuHard, Self::Dependency];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CpuYielding => "cpu-yielding",
            Self::CpuHard => "cpu-hard",
            Self::Dependency => "dependency",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workload| workload.name() == name)
    }

    /// Returns the route; `rounds` of [`compute`] take 1 ms.
    fn routes(self, rounds: u64) -> Router {
        let places = Arc::new(Semaphore::new(PLACES));
        let work = move || {
            let places = places.clone();
            async move {
                match self {
                    Self::CpuYielding => {
                        for _ in 0..SLICES {
                            compute(rounds / SLICES);
                            tokio::task::yield_now().await;
                        }
                    }
                    Self::CpuHard => compute(rounds),
                    Self::Dependency => {
                        let _place = places.acquire().await;
                        tokio::time::sleep(DEPENDENCY).await;
                    }
                }
                "done"
            }
        };
        Router::new().route("/work", get(work))
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

/// Serves until it is killed. `which` is `bare`, `static:N` (at most N requests at a time, more are answered 503) or `evenkeel`.
pub(crate) fn serve(which: &str, workload: &str, rounds: &str, port: &str) -> ExitCode {
    let (Some(workload), Ok(rounds)) = (Workload::named(workload), rounds.parse()) else {
        eprintln!("bench: {workload:?} is no workload, or {rounds:?} no number of rounds");
        return ExitCode::from(2);
    };
    let routes = workload.routes(rounds);
    match which.strip_prefix("static:").map(str::parse) {
        Some(Ok(limit)) => crate::border::serve_bare(limited(routes, limit), port),
        Some(Err(_)) => {
            eprintln!("bench: {which:?} has no number after static:");
            ExitCode::from(2)
        }
        None if which == "bare" => crate::border::serve_bare(routes, port),
        None => crate::border::serve_evenkeel(routes, port),
    }
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

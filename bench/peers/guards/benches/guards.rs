//! The guards of a call beside those of peers, on the happy path: a call that is answered at once and well.
//!
//! The figure is the time that a guard adds to that call. Everything runs on one thread, and then on two that share one instance.
//! Before the timing, the allocations of a thousand calls are counted; `ALLOCATIONS` names the file for them. With `ONLY=guard/whose` and
//! `CALLS=number` nothing is measured: that one is called the given number of times, to count instructions from outside.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use backon::Retryable;
use criterion::{BenchmarkId, Criterion};
use failsafe::futures::CircuitBreaker as _;
use resilience::breaker::BreakerRules;
use resilience::bulkhead::BulkheadRules;
use resilience::hedge::{HedgeRules, Latencies, hedged};
use resilience::policy::{PolicyLayer, Rules, TimeoutRules};
use resilience::rate_limit::{RateLimit, RateRules};
use resilience::retry::{RetryRules, Attempts};
use resilience::{Breaker, Budget, Bulkhead, ByResult, Classify, Deadline, Outcome, Policy};
use tower::retry::backoff::{ExponentialBackoffMaker, MakeBackoff};
use tower::util::rng::HasherRng;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_resilience::bulkhead::BulkheadLayer;
use tower_resilience::circuitbreaker::CircuitBreakerLayer;
use tower_resilience::hedge::HedgeLayer;
use tower_resilience::ratelimiter::RateLimiterLayer;
use tower_resilience::retry::RetryLayer;
use tower_resilience::timelimiter::TimeLimiterLayer;

/// Counts what a thread allocates: a counter that threads share would be what two of them wait for.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Without a destructor, so it is there until the thread is gone.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

/// Calls whose allocations are counted.
const COUNTED: u64 = 1000;
/// A rate that nothing here reaches.
const RATE: u32 = 100_000_000;
/// Places that nothing here fills.
const PLACES: u32 = 64;
/// A time that nothing here takes.
const LONG: Duration = Duration::from_secs(10);

/// Purpose of the calls.
enum Bench {
    /// Their time, and their allocations: guard, whose, and how many a call.
    Figures { criterion: Box<Criterion>, allocations: Vec<(String, String, f64)> },
    /// One guard is called the given number of times, to count instructions from outside.
    Only { name: String, calls: u64 },
}

impl Bench {
    /// As the environment asks for.
    fn asked_for() -> Self {
        let calls = std::env::var("CALLS").ok().and_then(|calls| calls.parse().ok());
        if let Some((name, calls)) = std::env::var("ONLY").ok().zip(calls) {
            return Self::Only { name, calls };
        }
        let criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1))
            .sample_size(30)
            .without_plots()
            .configure_from_args();
        Self::Figures { criterion: Box::new(criterion), allocations: Vec::new() }
    }

    fn end(self) {
        let Self::Figures { criterion, allocations } = self else { return };
        criterion.final_summary();
        if let Some(file) = std::env::var_os("ALLOCATIONS") {
            let text = serde_json::to_string_pretty(&allocations).expect("figures");
            std::fs::write(file, text).expect("the file for allocations can be written");
        }
    }

    /// A call whose instance can be shared.
    fn call<A: AsyncFnMut()>(&mut self, guard: &str, whose: &str, make: impl Fn() -> A + Sync) {
        self.alone(guard, whose, &make);
        if let Self::Figures { criterion, .. } = self {
            let id = BenchmarkId::new(guard, whose);
            criterion.benchmark_group("two").bench_function(id, |b| b.iter_custom(|calls| on_two(&make, calls)));
        }
    }

    /// A call whose instance cannot be shared.
    fn alone<A: AsyncFnMut()>(&mut self, guard: &str, whose: &str, make: impl Fn() -> A) {
        match self {
            Self::Only { name, calls } => {
                if *name == format!("{guard}/{whose}") {
                    run(&mut make(), *calls);
                }
            }
            Self::Figures { criterion, allocations } => {
                let mut one = make();
                run(&mut one, COUNTED);
                let before = ALLOCATIONS.get();
                let _ = run(&mut one, COUNTED);
                let taken = ALLOCATIONS.get() - before - idle();
                allocations.push((guard.to_owned(), whose.to_owned(), taken as f64 / COUNTED as f64));
                let id = BenchmarkId::new(guard, whose);
                criterion.benchmark_group("one").bench_function(id, |b| b.iter_custom(|calls| run(&mut one, calls)));
            }
        }
    }

    /// The same, of services.
    fn service<S>(&mut self, guard: &str, whose: &str, service: S)
    where
        S: Service<u32, Response = u32, Error: Debug> + Clone + Send + Sync,
    {
        self.call(guard, whose, || {
            let mut service = service.clone();
            async move || {
                let answer = service.ready().await.expect("ready").call(black_box(1)).await;
                black_box(answer.expect("an answer"));
            }
        });
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// So many calls, one after the other; a function of its own, as callgrind counts in it. Not constrained: tokio's own primitives would else give way now and then.
#[inline(never)]
fn run(call: &mut impl AsyncFnMut(), calls: u64) -> Duration {
    runtime().block_on(tokio::task::unconstrained(async {
        let begun = Instant::now();
        for _ in 0..calls {
            call().await;
        }
        begun.elapsed()
    }))
}

/// Returns the allocations of an empty run.
fn idle() -> u64 {
    let before = ALLOCATIONS.get();
    run(&mut async || (), 1);
    ALLOCATIONS.get() - before
}

/// So many calls on each of two threads at a time; the time of the slower one.
fn on_two<A: AsyncFnMut()>(make: &(impl Fn() -> A + Sync), calls: u64) -> Duration {
    let together = Barrier::new(2);
    let one = || {
        let mut call = make();
        together.wait();
        run(&mut call, calls)
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(one);
        one().max(other.join().expect("the other thread ends"))
    })
}

/// Returns the guarded service, which answers at once.
fn inner() -> impl Service<u32, Response = u32, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static {
    service_fn(async |amount: u32| Ok::<_, Infallible>(amount))
}

/// The same as a closure.
async fn answer() -> Result<u32, Infallible> {
    Ok(black_box(1))
}

fn policy(rules: Rules) -> Policy {
    let _in_its_runtime = runtime();
    Policy::new("callee", rules).expect("rules that make sense")
}

fn main() {
    // tower's rate limit makes a timer at once.
    let around = runtime();
    let _entered = around.enter();
    let mut bench = Bench::asked_for();
    limits(&mut bench);
    deadline_and_timeout(&mut bench);
    retry(&mut bench);
    rate_limit(&mut bench);
    bulkhead(&mut bench);
    breaker(&mut bench);
    hedge(&mut bench);
    stack(&mut bench);
    bench.end();
}

/// Measures the lower limit of every guard.
fn limits(bench: &mut Bench) {
    bench.call("limits", "clock", || {
        async || {
            black_box(Instant::now());
        }
    });
    let word = AtomicU64::new(0);
    bench.call("limits", "atomic", || {
        async || {
            black_box(word.fetch_add(1, Relaxed));
        }
    });
    bench.service("limits", "call", inner());
    bench.service("limits", "boxed call", boxed(inner()));
}

/// The box that a layer of tower needs whose future has no name.
fn boxed<S>(service: S) -> impl Service<u32, Response = u32, Error = S::Error> + Clone + Send + Sync
where
    S: Service<u32, Response = u32, Future: Send, Error: Debug + Send> + Clone + Send + Sync + 'static,
{
    service_fn(move |amount| {
        let mut service = service.clone();
        let work: std::pin::Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(async move { service.ready().await?.call(amount).await });
        work
    })
}

/// Ours as a layer, and around a closure.
fn ours(bench: &mut Bench, guard: &str, rules: Rules) {
    let layer = PolicyLayer::new(policy(rules.clone())).repeats(|_: &u32| true);
    bench.service(guard, "evenkeel", layer.layer(inner()));
    let around = policy(rules);
    bench.call(guard, "evenkeel, closure", || {
        async || {
            black_box(around.call(|_| answer()).await.expect("an answer"));
        }
    });
}

fn deadline_and_timeout(bench: &mut Bench) {
    ours(bench, "timeout", Rules::NONE.timeout(TimeoutRules::default().share(1.0).at_most(LONG)));
    bench.service("timeout", "tower", tower::timeout::TimeoutLayer::new(LONG).layer(inner()));
    bench.service("timeout", "tower-resilience", time_limiter().layer(inner()));
    bench.call("timeout", "evenkeel, alone", || {
        async || {
            black_box(Deadline::after(LONG).scope(answer()).await).expect("it is answered in time").expect("an answer");
        }
    });
}

fn time_limiter() -> TimeLimiterLayer<tower_resilience::timelimiter::FixedTimeout> {
    TimeLimiterLayer::builder().timeout_duration(LONG).build()
}

fn retry(bench: &mut Bench) {
    ours(bench, "retry", Rules::NONE.retry(RetryRules::default()));
    bench.service("retry", "tower", tower::retry::RetryLayer::new(Repeats::new()).layer(inner()));
    let layer =
        RetryLayer::<u32, u32, Infallible>::builder().max_attempts(3).exponential_backoff(Duration::from_millis(50));
    let budget = tower_resilience::retry::RetryBudgetBuilder::new().token_bucket().build().expect("a budget");
    bench.service("retry", "tower-resilience", layer.budget(budget).build().layer(inner()));
    let (rules, budget) = (RetryRules::default(), Budget::new(tokio::time::Instant::now()));
    bench.call("retry", "evenkeel, alone", || {
        async || {
            let mut attempts = Attempts::begin(tokio::time::Instant::now());
            loop {
                let result = answer().await;
                let outcome = ByResult.classify(&result);
                if outcome == Outcome::Success {
                    budget.deposit(&rules.budget);
                    black_box(result).expect("an answer");
                    break;
                }
                match attempts.again(&rules, outcome, true, None, &budget, tokio::time::Instant::now()) {
                    Ok(wait) => tokio::time::sleep(wait).await,
                    Err(_) => {
                        black_box(result).expect("an answer");
                        break;
                    }
                }
            }
        }
    });
    bench.call("retry", "backon", || {
        async || {
            let backoff = backon::ExponentialBuilder::default().with_jitter().with_max_times(2);
            black_box(answer.retry(backoff).await.expect("an answer"));
        }
    });
}

/// The policy that tower's users write: exponential waits and the budget that comes with it.
#[derive(Clone)]
struct Repeats {
    budget: std::sync::Arc<tower::retry::budget::TpsBudget>,
    backoff: tower::retry::backoff::ExponentialBackoff<HasherRng>,
    left: u32,
}

impl Repeats {
    fn new() -> Self {
        let (least, most) = (Duration::from_millis(50), Duration::from_secs(2));
        let mut maker = ExponentialBackoffMaker::new(least, most, 0.99, HasherRng::default()).expect("waits in order");
        Self { budget: std::sync::Arc::default(), backoff: maker.make_backoff(), left: 2 }
    }
}

impl<E> tower::retry::Policy<u32, u32, E> for Repeats {
    type Future = tokio::time::Sleep;

    fn retry(&mut self, _: &mut u32, result: &mut Result<u32, E>) -> Option<Self::Future> {
        use tower::retry::backoff::Backoff as _;
        use tower::retry::budget::Budget as _;
        if result.is_ok() {
            self.budget.deposit();
            return None;
        }
        if self.left == 0 || !self.budget.withdraw() {
            return None;
        }
        self.left -= 1;
        Some(self.backoff.next_backoff())
    }

    fn clone_request(&mut self, request: &u32) -> Option<u32> {
        Some(*request)
    }
}

fn rate_rules() -> RateRules {
    RateRules::default().rate(RATE).per(Duration::from_secs(1)).burst(RATE).patience(Duration::ZERO)
}

fn rate_limiter() -> RateLimiterLayer {
    let layer = RateLimiterLayer::builder().limit_for_period(RATE as usize).refresh_period(Duration::from_secs(1));
    layer.build().expect("a rate")
}

fn rate_limit(bench: &mut Bench) {
    ours(bench, "rate limit", Rules::NONE.rate(rate_rules()));
    let layer = tower::limit::RateLimitLayer::new(u64::from(RATE), Duration::from_secs(1));
    bench.alone("rate limit", "tower", || {
        let mut service = layer.layer(inner());
        async move || {
            let answer = service.ready().await.expect("ready").call(black_box(1)).await;
            black_box(answer.expect("an answer"));
        }
    });
    bench.service("rate limit", "tower-resilience", rate_limiter().layer(inner()));
    let (rules, limit) = (rate_rules(), RateLimit::new(tokio::time::Instant::now()));
    bench.call("rate limit", "evenkeel, alone", || {
        async || {
            black_box(limit.try_pass(&rules, 1, tokio::time::Instant::now())).expect("it passes");
        }
    });
    let rate = NonZeroU32::new(RATE).expect("a rate");
    let governor = governor::RateLimiter::direct(governor::Quota::per_second(rate));
    bench.call("rate limit", "governor", || {
        async || {
            black_box(governor.check()).expect("it passes");
        }
    });
    // Its own clock counts the processor's ticks; this is the clock that the others read.
    let (quota, clock) = (governor::Quota::per_second(rate), governor::clock::MonotonicClock);
    let governor = governor::RateLimiter::direct_with_clock(quota, clock);
    bench.call("rate limit", "governor, std's clock", || {
        async || {
            black_box(governor.check()).expect("it passes");
        }
    });
}

fn bulkhead_layer() -> BulkheadLayer {
    let layer =
        BulkheadLayer::builder().max_concurrent_calls(PLACES as usize).max_wait_duration(Duration::from_millis(100));
    layer.build().expect("a bulkhead")
}

fn bulkhead(bench: &mut Bench) {
    ours(
        bench,
        "bulkhead",
        Rules::NONE.bulkhead(BulkheadRules::default().permits(PLACES)),
    );
    let limit = tower::limit::GlobalConcurrencyLimitLayer::new(PLACES as usize);
    bench.service("bulkhead", "tower", limit.layer(inner()));
    bench.service("bulkhead", "tower-resilience", bulkhead_layer().layer(inner()));
    let (rules, bulkhead) = (BulkheadRules::default().permits(PLACES), Bulkhead::new());
    bench.call("bulkhead", "evenkeel, alone", || {
        async || {
            let place = bulkhead.try_enter(&rules).expect("there is room");
            black_box(answer().await).expect("an answer");
            drop(place);
        }
    });
}

fn breaker_layer() -> CircuitBreakerLayer<tower_resilience::circuitbreaker::DefaultClassifier> {
    let layer = CircuitBreakerLayer::builder().failure_rate_threshold(0.5).sliding_window_size(100);
    layer.minimum_number_of_calls(20).build().expect("a breaker")
}

fn breaker(bench: &mut Bench) {
    ours(bench, "breaker", Rules::NONE.breaker(BreakerRules::default()));
    bench.service("breaker", "tower-resilience", breaker_layer().layer(inner()));
    let failsafe = failsafe::Config::new().build();
    bench.call("breaker", "failsafe", || {
        async || {
            black_box(failsafe.call(answer()).await.expect("an answer"));
        }
    });
    let (rules, breaker) = (BreakerRules::default(), Breaker::new(tokio::time::Instant::now()));
    bench.call("breaker", "evenkeel, alone", || {
        async || {
            let now = tokio::time::Instant::now();
            let (ticket, _) = breaker.admit(&rules, now).expect("it is closed");
            let over = tokio::time::Instant::now();
            black_box(breaker.settle(&rules, ticket, Outcome::Success, over - now, over));
        }
    });
}

fn hedge(bench: &mut Bench) {
    let rules = Rules::NONE.hedge(HedgeRules::default()).retry(RetryRules::default());
    ours(bench, "hedge", rules);
    let layer = HedgeLayer::builder().delay(Duration::from_millis(50)).max_hedged_attempts(2).build();
    bench.service("hedge", "tower-resilience", layer.layer(inner()));
    let (rules, latencies) = (HedgeRules::default(), Latencies::new());
    bench.call("hedge", "evenkeel, alone", || {
        async || {
            let begun = Instant::now();
            let answer = match latencies.delay(&rules) {
                Some(delay) => hedged(answer(), delay, || Some(answer())).await,
                None => answer().await,
            };
            black_box(answer).expect("an answer");
            latencies.record(&rules, begun.elapsed());
        }
    });
}

/// Deadline, retry, rate limit, bulkhead, breaker and timeout in one.
fn stack(bench: &mut Bench) {
    ours(bench, "stack", Rules::default().deadline(LONG).rate(rate_rules()));
    // tower has no breaker, and its rate limit cannot be cloned, which its retry asks for.
    let tower = ServiceBuilder::new()
        .timeout(LONG)
        .retry(Repeats::new())
        .layer(tower::limit::GlobalConcurrencyLimitLayer::new(PLACES as usize))
        .timeout(LONG)
        .service(inner());
    bench.service("stack", "tower, without breaker and rate limit", tower);
    let retry = RetryLayer::builder().max_attempts(3).exponential_backoff(Duration::from_millis(50));
    let budget = tower_resilience::retry::RetryBudgetBuilder::new().token_bucket().build().expect("a budget");
    let theirs = ServiceBuilder::new()
        .layer(time_limiter())
        .layer(retry.budget(budget).build())
        .layer(rate_limiter())
        .layer(bulkhead_layer())
        .layer(breaker_layer())
        .layer(time_limiter())
        .service(inner());
    bench.service("stack", "tower-resilience", theirs);
}

//! Hands every arrival at its time to a free worker.
//!
//! One thread: a dispatcher that follows the schedule, and as many workers as there may be requests at a time. What is due
//! while no worker is free waits in a bounded queue, with its latency counting.

use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::ChaCha12Rng;
use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::connect::Peer;
use crate::live_stats::Recorder;
use crate::plan::{Plan, PlanError};
use crate::pool::{Arrival, Pool};
use crate::report::Report;
use crate::template::Fillings;
use crate::timer::Timer;
use crate::watch::Watch;
use crate::worker::Worker;

/// The least time between two wake-ups: what becomes due meanwhile is handed out together, so much too late at most. A
/// wake-up for each would cost more than the request.
const TOGETHER: Duration = Duration::from_micros(50);
/// On top of what requests may take, until those under way are given up: their own timers come first. After a stop, all
/// the time that they have.
const GRACE: Duration = Duration::from_secs(1);
/// Between two looks at the clock while nothing else happens.
const TICK: Duration = Duration::from_millis(100);

/// Sends the load on a thread of its own until its end, or until `stop`; returns when the last answer is there or given up.
///
/// Dropping the future ends the run at once.
///
/// # Errors
/// When the plan cannot be carried out. What goes wrong with requests is in the report.
pub async fn run(plan: Plan, watch: Watch, stop: impl Future<Output = ()>) -> Result<Report, PlanError> {
    plan.check()?;
    let (stopping, stopped) = watch::channel(false);
    let (give, result) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("load".to_owned());
    let spawned = thread.spawn(move || {
        let _ = give.send(carry_out(plan, watch, stopped));
    });
    spawned.map_err(|error| PlanError(format!("no thread could be started for the load: {error}")))?;
    let broken = || PlanError("the generator broke off: see above".to_owned());
    tokio::pin!(result, stop);
    tokio::select! {
        report = &mut result => report.map_err(|_| broken())?,
        () = &mut stop => {
            // The thread ends by itself when it hears of it, or of this future's end.
            stopping.send_replace(true);
            result.await.map_err(|_| broken())?
        }
    }
}

/// Carries the plan out on this thread.
fn carry_out(plan: Plan, watch: Watch, stopped: watch::Receiver<bool>) -> Result<Report, PlanError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(31).build();
    let runtime = runtime.map_err(|error| PlanError(format!("the load's thread: {error}")))?;
    let timer = runtime.block_on(async { Timer::new() });
    let timer = timer.map_err(|error| PlanError(format!("the load's timer: {error}")))?;
    LocalSet::new().block_on(&runtime, follow(plan, watch, stopped, timer))
}

async fn follow(
    plan: Plan,
    watch: Watch,
    mut stopped: watch::Receiver<bool>,
    timer: Timer,
) -> Result<Report, PlanError> {
    let templates = plan.kinds.iter().map(|kind| plan.template(kind)).collect::<Result<_, _>>()?;
    let streams = plan.protocol.streams();
    let peer = Peer::of(&plan).await;
    let begun = Instant::now();
    let mut schedule = plan.profile.schedule(plan.arrivals, plan.seed.generator("arrivals"));
    let mut draw = Draw::new(&plan);
    let bodies = watch.bodies && watch.observer.is_some();
    let recorder = Recorder::new(&plan, watch, begun);
    let pool = Rc::new(Pool::new(plan, templates, peer, recorder, bodies));
    let mut next = schedule.next();
    let mut early = false;
    while let Some(offset) = next {
        let due = begun + offset;
        let now = Instant::now();
        // Always later than now, so that the workers, which are on this thread too, have their turn.
        let wake = due.clamp(now + TOGETHER, now + TICK);
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => {
                early = true;
                break;
            }
            () = timer.until(wake) => {}
        }
        let now = Instant::now();
        pool.recorder.borrow_mut().tick(now, pool.waiting());
        while let Some(offset) = next.filter(|offset| begun + *offset <= now) {
            pool.recorder.borrow_mut().intended(begun + offset);
            if let Some(worker) = pool.hand_out(draw.arrival(begun + offset)) {
                let task = Worker::new(Rc::clone(&pool), worker, worker / streams).run();
                pool.started(tokio::task::spawn_local(task).abort_handle());
            }
            next = schedule.next();
        }
    }
    settle(&pool, &mut stopped, &timer, begun, early).await
}

/// Draws the kinds and fillings of arrivals.
struct Draw {
    mix: ChaCha12Rng,
    fillings: Fillings,
    /// Weights added up.
    upto: Vec<u64>,
}

impl Draw {
    fn new(plan: &Plan) -> Self {
        let mut sum = 0;
        let upto = plan.kinds.iter().map(|kind| {
            sum += u64::from(kind.weight);
            sum
        });
        Self { upto: upto.collect(), mix: plan.seed.generator("mix"), fillings: Fillings::new(plan.seed, "load") }
    }

    fn arrival(&mut self, intended: Instant) -> Arrival {
        let sum = self.upto.last().copied().unwrap_or(1).max(1);
        let drawn = self.mix.random_range(0..sum);
        let kind = self.upto.partition_point(|upto| *upto <= drawn);
        Arrival { kind, filling: self.fillings.draw(), intended }
    }
}

/// Waits for what is under way, no longer than requests may take, and after a stop no longer than the grace.
async fn settle(
    pool: &Pool,
    stopped: &mut watch::Receiver<bool>,
    timer: &Timer,
    begun: Instant,
    mut early: bool,
) -> Result<Report, PlanError> {
    let attempts = pool.plan.retries + 1;
    let end = begun + pool.plan.profile.lasts();
    let mut deadline = (Instant::now() + pool.plan.timeout * attempts + GRACE).max(end);
    if early {
        pool.stop();
        deadline = Instant::now() + GRACE;
    }
    while (pool.waiting() > 0 || pool.handed() || (Instant::now() < end && !early)) && Instant::now() < deadline {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped), if !early => {
                early = true;
                pool.stop();
                deadline = Instant::now() + GRACE;
            }
            () = timer.until(deadline.min(Instant::now() + Duration::from_millis(2))) => {}
        }
        pool.recorder.borrow_mut().tick(Instant::now(), pool.waiting());
    }
    pool.give_up().await;
    let recorder = pool.recorder.replace(Recorder::new(&pool.plan, Watch::default(), begun));
    Ok(recorder.finish(&pool.plan, Instant::now(), early))
}

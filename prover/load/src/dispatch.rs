//! Hands every arrival at its time to a free lane.
//!
//! One thread: a dispatcher that follows the schedule, and as many lanes as there may be requests at a time. What is due
//! while no lane is free waits in a bounded queue, with its latency counting.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::ChaCha12Rng;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, LocalSet};
use url::Url;

use super::alarm::Alarm;
use super::lane::Lane;
use super::record::{Outcome, Recorder};
use super::report::Report;
use super::template::{Filling, Fillings, Template};
use super::{Completed, MAX_WAITING, Plan, PlanError, Protocol, Watch, http2};

/// The least time between two wake-ups: what becomes due meanwhile is handed out together, so much too late at most. A
/// wake-up for each would cost more than the request.
const TOGETHER: Duration = Duration::from_micros(50);
/// On top of what requests may take, until those under way are given up: their own timers come first. After a stop, all
/// the time that they have.
const GRACE: Duration = Duration::from_secs(1);
/// Between two looks at the clock while nothing else happens.
const TICK: Duration = Duration::from_millis(100);

/// A request that is due.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) kind: usize,
    pub(super) filling: Filling,
    pub(super) intended: Instant,
}

/// What lanes and dispatcher share; they are on one thread.
pub(super) struct Floor {
    pub(super) plan: Plan,
    pub(super) templates: Vec<Template>,
    pub(super) recorder: RefCell<Recorder>,
    pub(super) bodies: bool,
    pub(super) carriers: Vec<http2::Carrier>,
    queue: RefCell<VecDeque<Arrival>>,
    /// Lanes with nothing to do, the one that was busy last at the back.
    idle: RefCell<VecDeque<usize>>,
    slots: Vec<Slot>,
    /// Those that were opened.
    lanes: RefCell<Vec<AbortHandle>>,
    busy: RefCell<u64>,
}

#[derive(Default)]
struct Slot {
    arrival: RefCell<Option<Arrival>>,
    filled: Notify,
}

/// Refuses every host but this one.
pub(super) fn loopback(target: &Url) -> Result<(), PlanError> {
    let refuse = |why: &str| Err(PlanError(format!("{target}: {why}")));
    if target.scheme() != "http" {
        return refuse("load is sent over plain http://");
    }
    match target.host() {
        Some(url::Host::Ipv4(address)) if address.is_loopback() => Ok(()),
        Some(url::Host::Ipv6(address)) if address.is_loopback() => Ok(()),
        Some(url::Host::Domain("localhost")) => Ok(()),
        _ => refuse("load goes to this machine only: 127.0.0.0/8, [::1] or localhost"),
    }
}

/// Carries the plan out on this thread.
pub(super) fn carry_out(plan: Plan, watch: Watch, stopped: watch::Receiver<bool>) -> Result<Report, PlanError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().event_interval(31).build();
    let runtime = runtime.map_err(|error| PlanError(format!("the load's thread: {error}")))?;
    let alarm = runtime.block_on(async { Alarm::new() });
    let alarm = alarm.map_err(|error| PlanError(format!("the load's timer: {error}")))?;
    LocalSet::new().block_on(&runtime, follow(plan, watch, stopped, alarm))
}

async fn follow(
    plan: Plan,
    watch: Watch,
    mut stopped: watch::Receiver<bool>,
    alarm: Alarm,
) -> Result<Report, PlanError> {
    let (lanes, streams) = match plan.protocol {
        Protocol::Http1 => (plan.connections, 1),
        Protocol::Http2 { streams } => (plan.connections * streams, streams),
    };
    let templates =
        plan.kinds.iter().map(|kind| Template::new(kind, &plan)).collect::<Result<_, _>>().map_err(PlanError)?;
    let begun = Instant::now();
    let mut schedule = plan.profile.schedule(plan.arrivals, plan.seed.generator("arrivals"));
    let mut draw = Draw::new(&plan);
    let floor = Rc::new(Floor {
        bodies: watch.bodies && watch.observer.is_some(),
        recorder: RefCell::new(Recorder::new(&plan, watch, begun)),
        templates,
        carriers: (0..plan.connections).map(|_| http2::Carrier::default()).collect(),
        queue: RefCell::default(),
        idle: RefCell::default(),
        slots: (0..lanes).map(|_| Slot::default()).collect(),
        lanes: RefCell::default(),
        busy: RefCell::new(0),
        plan,
    });
    let mut next = schedule.next();
    let mut early = false;
    while let Some(offset) = next {
        let due = begun + offset;
        let now = Instant::now();
        // Always later than now, so that the lanes, which are on this thread too, have their turn.
        let wake = due.clamp(now + TOGETHER, now + TICK);
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => {
                early = true;
                break;
            }
            () = alarm.until(wake) => {}
        }
        let now = Instant::now();
        floor.recorder.borrow_mut().tick(now, floor.waiting());
        while let Some(offset) = next.filter(|offset| begun + *offset <= now) {
            floor.recorder.borrow_mut().intended(begun + offset);
            floor.hand_out(draw.arrival(begun + offset), streams);
            next = schedule.next();
        }
    }
    floor.settle(&mut stopped, &alarm, begun, early).await
}

/// What the arrivals are.
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

impl Floor {
    /// To a free lane, to a new one, or to the queue.
    fn hand_out(self: &Rc<Self>, arrival: Arrival, streams: usize) {
        let opened = self.lanes.borrow().len();
        let sources = self.plan.sources as usize;
        // Where clients have several addresses they take turns; else the warmest connection is used.
        let free = match sources {
            0 | 1 => self.idle.borrow_mut().pop_back(),
            _ if opened < sources.min(self.slots.len()) => None,
            _ => self.idle.borrow_mut().pop_front(),
        };
        if let Some(lane) = free {
            *self.slots[lane].arrival.borrow_mut() = Some(arrival);
            self.slots[lane].filled.notify_one();
            return;
        }
        if opened < self.slots.len() {
            *self.slots[opened].arrival.borrow_mut() = Some(arrival);
            self.slots[opened].filled.notify_one();
            let lane = tokio::task::spawn_local(Lane::new(Rc::clone(self), opened, opened / streams).run());
            self.lanes.borrow_mut().push(lane.abort_handle());
            return;
        }
        let mut queue = self.queue.borrow_mut();
        if queue.len() < MAX_WAITING {
            queue.push_back(arrival);
            return;
        }
        drop(queue);
        self.not_sent(&arrival);
    }

    /// What the lane does next.
    pub(super) async fn next(&self, lane: usize) -> Arrival {
        // Its own first: it was due before what waits.
        if let Some(arrival) = self.slots[lane].arrival.borrow_mut().take() {
            return arrival;
        }
        if let Some(waiting) = self.queue.borrow_mut().pop_front() {
            return waiting;
        }
        self.idle.borrow_mut().push_back(lane);
        loop {
            self.slots[lane].filled.notified().await;
            if let Some(arrival) = self.slots[lane].arrival.borrow_mut().take() {
                return arrival;
            }
        }
    }

    pub(super) fn begin(&self) {
        *self.busy.borrow_mut() += 1;
    }

    pub(super) fn end(&self, completed: &Completed<'_>) {
        *self.busy.borrow_mut() -= 1;
        let mut recorder = self.recorder.borrow_mut();
        recorder.done(completed);
    }

    fn waiting(&self) -> u64 {
        *self.busy.borrow() + self.queue.borrow().len() as u64
    }

    /// Whether a request was handed out that no lane has begun with.
    fn handed(&self) -> bool {
        self.slots.iter().take(self.lanes.borrow().len()).any(|slot| slot.arrival.borrow().is_some())
    }

    fn not_sent(&self, arrival: &Arrival) {
        let now = Instant::now();
        self.recorder.borrow_mut().done(&Completed {
            kind: arrival.kind,
            filling: &arrival.filling,
            intended: arrival.intended,
            sent: now,
            done: now,
            outcome: Outcome::NotSent,
            head: None,
            body: &[],
        });
    }

    /// Waits for what is under way, no longer than requests may take, and after a stop no longer than the grace.
    async fn settle(
        self: Rc<Self>,
        stopped: &mut watch::Receiver<bool>,
        alarm: &Alarm,
        begun: Instant,
        mut early: bool,
    ) -> Result<Report, PlanError> {
        let attempts = self.plan.retries + 1;
        let end = begun + self.plan.profile.lasts();
        let mut deadline = (Instant::now() + self.plan.timeout * attempts + GRACE).max(end);
        if early {
            deadline = self.stop();
        }
        while (self.waiting() > 0 || self.handed() || (Instant::now() < end && !early)) && Instant::now() < deadline {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped), if !early => {
                    early = true;
                    deadline = self.stop();
                }
                () = alarm.until(deadline.min(Instant::now() + Duration::from_millis(2))) => {}
            }
            self.recorder.borrow_mut().tick(Instant::now(), self.waiting());
        }
        self.give_up().await;
        let recorder = self.recorder.replace(Recorder::new(&self.plan, Watch::default(), begun));
        Ok(recorder.finish(&self.plan, Instant::now(), early))
    }

    /// Nothing more is sent; until when those under way have time.
    fn stop(&self) -> Instant {
        let unsent: Vec<Arrival> = self.queue.borrow_mut().drain(..).collect();
        unsent.iter().for_each(|arrival| self.not_sent(arrival));
        Instant::now() + GRACE
    }

    /// Gives every arrival that has no outcome yet one: a history must know of each request that may have been carried out.
    async fn give_up(&self) {
        self.stop();
        for slot in &self.slots {
            let handed = slot.arrival.borrow_mut().take();
            handed.iter().for_each(|arrival| self.not_sent(arrival));
        }
        let lanes = std::mem::take(&mut *self.lanes.borrow_mut());
        lanes.iter().for_each(AbortHandle::abort);
        // Each tells of its request as it is dropped.
        while *self.busy.borrow() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

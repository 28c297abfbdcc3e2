//! The gate: the admission core with the clock, wakers and permits of tokio.

use std::hash::{BuildHasher, Hash};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use foldhash::quality::RandomState;
use tokio::time::Instant;

use super::core::AdmissionCore;
use super::decision::{Arrival, ClientKey, Decision, Ended, Place, RouteId, Ticket};
use super::pool::RoutePools;
use super::processors::Processors;
use super::ration::Share;
use super::reason::Reason;
use super::rules::{AdmissionRules, RouteRules};
use super::snapshot::AdmissionSnapshot;
use super::waiters::{Removed, WaiterId, Waiters};
use crate::invalid::InvalidRules;
use crate::nanos::since;
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Pause between ticks while requests are queued.
const TICK: Duration = Duration::from_millis(10);

/// Admission control for a server: share it between connections by `clone`.
///
/// One gate has one limit, one queue, and any number of routes up to [`MAX_ROUTES`](super::MAX_ROUTES). While requests are queued it has one task, which lets
/// time pass every 10 ms and ends when the queue is empty. A decision takes a lock for some hundred nanoseconds.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use evenkeel_resilience::admission::{AdmissionRules, Arrival, Gate, RouteRules};
/// use std::time::Duration;
///
/// let gate = Gate::new(AdmissionRules::default()).expect("rules");
/// let search = gate.route("GET /search", RouteRules::default().objective(Duration::from_secs(2))).expect("rules");
/// let arrival = Arrival { client: gate.client(&"192.0.2.1"), ..Arrival::on(search) };
/// match gate.enter(arrival).await {
///     Ok(permit) => permit.answered(), // after the end of the answer
///     Err(refused) => println!("503, Retry-After {:?}: {}", refused.retry_after(), refused.reason),
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    born: Instant,
    keys: RandomState,
    /// Copies of the core's state, for readers without the lock; as old as the last decision.
    congested: AtomicBool,
    standing: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    core: AdmissionCore,
    waiters: Waiters,
    /// The task that lets time pass runs.
    ticking: bool,
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// Its reason.
    pub reason: Reason,
}

impl Refused {
    /// Draws a time after which to try again, from 1 to 3 s: spread, so that refused clients do not come back all at once.
    pub fn retry_after(self) -> Duration {
        Duration::from_secs(1).mul_f64(1.0 + 2.0 * vitals::random_fraction())
    }
}

/// Decision about a request.
#[derive(Debug)]
pub enum Entry {
    /// Execute it now.
    Admitted(Permit),
    /// It is queued: await its verdict.
    Queued(Waiting),
    /// Refuse it.
    Refused(Refused),
}

impl Gate {
    /// Creates a gate. Needs no runtime.
    ///
    /// # Errors
    /// The rules are invalid.
    pub fn new(rules: AdmissionRules) -> Result<Self, InvalidRules> {
        let state = State { core: AdmissionCore::new(rules)?, waiters: Waiters::default(), ticking: false };
        let (congested, standing) = (AtomicBool::new(false), AtomicBool::new(false));
        let (born, keys, state) = (Instant::now(), RandomState::default(), Mutex::new(state));
        Ok(Self { shared: Arc::new(Shared { born, keys, congested, standing, state }) })
    }

    /// Declares a route. Returns [`RouteId::OTHER`] when there are [`MAX_ROUTES`](super::MAX_ROUTES) already; a name that is declared again keeps its id and rules.
    ///
    /// # Errors
    /// The rules are invalid.
    pub fn route(&self, name: &str, rules: RouteRules) -> Result<RouteId, InvalidRules> {
        self.shared.lock().core.route(name, rules)
    }

    /// The pools that a route uses: scope the work of its requests with them.
    pub fn pools_of(&self, route: RouteId) -> RoutePools {
        self.shared.lock().core.pools_of(route)
    }

    /// Returns the key of a client, by a hash that clients cannot predict.
    pub fn client(&self, identity: &impl Hash) -> ClientKey {
        ClientKey(self.shared.keys.hash_one(identity))
    }

    /// Decides about a request whose head was read, before its body is.
    ///
    /// # Panics
    /// When the request is queued outside of a tokio runtime with time.
    pub fn decide(&self, arrival: Arrival) -> Entry {
        let shared = &self.shared;
        let now = Instant::now();
        let mut state = shared.lock();
        match state.core.decide(shared.since_birth(now), arrival) {
            Decision::Admit(place) => Entry::Admitted(Permit { place: Some(place), shared: shared.clone() }),
            Decision::Refuse(reason) => {
                let woken = state.settle();
                shared.publish(&state, now);
                drop(state);
                woken.wake();
                Entry::Refused(Refused { reason })
            }
            Decision::Queue(ticket) => {
                let waiter = state.waiters.add(ticket);
                let woken = state.settle();
                shared.publish(&state, now);
                let begins = !std::mem::replace(&mut state.ticking, true);
                drop(state);
                if begins {
                    tokio::spawn(tick(Arc::downgrade(shared)));
                }
                woken.wake();
                Entry::Queued(Waiting { queued: Some((ticket, waiter)), yielded: false, shared: shared.clone() })
            }
        }
    }

    /// Counts a request, and returns whether its client has had its share of the requests that can be read: refuse it unless it is [`Share::Within`]. While the processors are overloaded and the queue is full or standing, a
    /// route reads little more requests than it answers. Ask once for each request, before it has cost anything, and only while [`Gate::is_congested`]. `known`:
    /// as for [`Gate::refuse_early`].
    pub fn ration(&self, arrival: Arrival, known: bool, now: Instant) -> Share {
        let now = self.shared.since_birth(now);
        self.shared.lock().core.ration(now, arrival, known)
    }

    /// Refuses a request cheaply where it is clear that [`Gate::decide`] would: it costs no place and no wait. `known`: its route is that of the arrival;
    /// else it is refused only when it would be on any route. None: use [`Gate::decide`]. Ask only while [`Gate::is_congested`].
    pub fn refuse_early(&self, arrival: Arrival, known: bool, now: Instant) -> Option<Reason> {
        let now = self.shared.since_birth(now);
        self.shared.lock().core.refuse_early(now, arrival, known)
    }

    /// Decides about a request, and waits in the queue if need be. Cancel-safe: a dropped call leaves the queue, or gives back its place.
    ///
    /// # Errors
    /// [`Refused`], with the reason.
    ///
    /// # Panics
    /// When the request is queued outside of a tokio runtime with time.
    pub async fn enter(&self, arrival: Arrival) -> Result<Permit, Refused> {
        match self.decide(arrival) {
            Entry::Admitted(permit) => Ok(permit),
            Entry::Queued(waiting) => waiting.await,
            Entry::Refused(refused) => Err(refused),
        }
    }

    /// Takes a report about the processors, to be made every 10 ms while requests come. While reports show that they have time to spare, any number of
    /// requests can wait for their dependencies; without reports the limit of all requests always binds.
    pub fn report(&self, processors: Processors) {
        let now = Instant::now();
        let mut state = self.shared.lock();
        state.core.report(self.shared.since_birth(now), processors);
        let woken = state.settle();
        if self.shared.congested.load(Relaxed) {
            self.shared.publish(&state, now);
        }
        drop(state);
        woken.wake();
    }

    /// Returns true while the ages of requests matter: requests are queued, or there was congestion a moment ago. One atomic load.
    pub fn is_congested(&self) -> bool {
        self.shared.congested.load(Relaxed)
    }

    /// Returns true while the queue has not been empty for two objectives: cheaper refusals pay now. One atomic load.
    pub fn is_standing(&self) -> bool {
        self.shared.standing.load(Relaxed)
    }

    /// Returns the state.
    pub fn snapshot(&self) -> AdmissionSnapshot {
        let now = Instant::now();
        let state = self.shared.lock();
        self.shared.publish(&state, now);
        state.core.snapshot(self.shared.since_birth(now))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in the core leaves numbers that are wrong at worst.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn since_birth(&self, now: Instant) -> Duration {
        Duration::from_nanos(since(self.born, now))
    }

    fn publish(&self, state: &State, now: Instant) {
        let now = self.since_birth(now);
        self.congested.store(state.core.is_congested(now), Relaxed);
        self.standing.store(state.core.is_standing(now), Relaxed);
    }

    fn done(&self, place: Place, ended: Ended) {
        let now = Instant::now();
        let mut state = self.lock();
        state.core.done(self.since_birth(now), place, ended);
        let woken = state.settle();
        if self.congested.load(Relaxed) {
            self.publish(&state, now);
        }
        drop(state);
        woken.wake();
    }
}

/// Wakers to be called without the lock.
#[must_use]
struct Woken(Vec<Waker>);

impl Woken {
    fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// Hands out the verdicts.
    fn settle(&mut self) -> Woken {
        let mut wakers = Vec::new();
        while let Some(wake) = self.core.next_wake() {
            wakers.extend(self.waiters.decide(wake));
        }
        Woken(wakers)
    }
}

/// Lets time pass while requests are queued.
async fn tick(shared: std::sync::Weak<Shared>) {
    loop {
        tokio::time::sleep(TICK).await;
        let Some(shared) = shared.upgrade() else { return };
        let now = Instant::now();
        let mut state = shared.lock();
        state.core.tick(shared.since_birth(now));
        let woken = state.settle();
        shared.publish(&state, now);
        let ends = state.core.queued() == 0;
        state.ticking = !ends;
        drop(state);
        woken.wake();
        if ends {
            return;
        }
    }
}

/// A queued request: a future of its verdict. Dropping it leaves the queue, or gives back the place.
#[derive(Debug)]
#[must_use = "a queued request that is not awaited leaves the queue"]
pub struct Waiting {
    queued: Option<(Ticket, WaiterId)>,
    yielded: bool,
    shared: Arc<Shared>,
}

impl Future for Waiting {
    type Output = Result<Permit, Refused>;

    /// # Panics
    /// When it is polled after its end.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let (_, waiter) = this.queued.expect("a future is not polled after its end");
        let mut state = this.shared.lock();
        if !this.yielded && state.waiters.is_admitted(waiter) {
            // Admitted at once: the heads of other requests are read before this one is executed, as it was not fresh.
            drop(state);
            this.yielded = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let verdict = state.waiters.poll(waiter, context);
        drop(state);
        this.yielded = true;
        let Poll::Ready(verdict) = verdict else { return Poll::Pending };
        this.queued = None;
        Poll::Ready(match verdict {
            Ok(place) => Ok(Permit { place: Some(place), shared: this.shared.clone() }),
            Err(reason) => Err(Refused { reason }),
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some((ticket, waiter)) = self.queued.take() else { return };
        let mut state = self.shared.lock();
        match state.waiters.remove(waiter) {
            Removed::Waiting => {
                let now = self.shared.since_birth(Instant::now());
                state.core.left(now, ticket);
            }
            Removed::Decided(Ok(place)) => {
                drop(state);
                // It was never executed.
                self.shared.done(place, Ended::Unmeasured);
            }
            Removed::Decided(Err(_)) => {}
        }
    }
}

/// Permission to execute a request. Hold it until the end of the answer; dropping it means that the client has left before.
#[derive(Debug)]
#[must_use = "a dropped permit counts as a cancelled request"]
pub struct Permit {
    place: Option<Place>,
    shared: Arc<Shared>,
}

impl Permit {
    /// Gives back the place after the answer was sent whole, with any status.
    pub fn answered(self) {
        self.end(Ended::Answered);
    }

    /// Gives back the place of a request whose time means nothing: a stream that begins, an upgraded connection.
    pub fn unmeasured(self) {
        self.end(Ended::Unmeasured);
    }

    fn end(mut self, ended: Ended) {
        if let Some(place) = self.place.take() {
            self.shared.done(place, ended);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.shared.done(place, Ended::Cancelled);
        }
    }
}

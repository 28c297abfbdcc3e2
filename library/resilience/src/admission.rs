//! Admission control: which requests a server executes, holds or refuses, so that goodput does not fall under overload.
//!
//! [`Gate`] is the part to use in a server: [`Gate::enter`] gives a [`Permit`] or a [`Refused`]. [`AdmissionCore`] is the algorithm without clock
//! and I/O, for tests and simulations (the crate `evenkeel-simulator` runs it in virtual time).
//!
//! ```text
//! request --head read--> decide --------> Permit: execute, then answered() | unmeasured() | drop (the client left)
//!   age, class,            |    \-------> Refused: reason, retry_after()
//!   client, route          \--> Waiting --> Permit | Refused          (drop: leaves the queue)
//! ```
//!
//! - **Age.** The queue that stops an asynchronous server is outside of every count of requests: unread bytes in sockets while tasks compute. The
//!   arrival has the age of the request; old ones are not executed inline, so that the heads behind them are read first.
//! - **Processors.** The limit of all requests is in force while reports ([`Gate::report`]) show an overload, or while there are none: late timers, busy threads, old
//!   requests. Else any number of requests can wait for something else.
//! - **Limit of all requests.** The mean of age and time in flight is kept below a target that is anchored to the latency objective. A route has three quarters of it
//!   at most.
//! - **Route limit.** Requests of a route that wait for each other close a limit of its own, anchored in the same way; a limit that does not make the route faster is
//!   lifted. While the processors are overloaded, slow requests also cut the limit of the route that causes them.
//! - **Pools.** Routes whose requests wait for the same places ([`Pool`]: the connections of a database, SQLite's writer) are held together: a further request waits in
//!   the queue while it would wait for a place for more than a tenth of its objective.
//! - **Classes.** While requests of a class are refused or late, lower classes may have less and less in flight, as they take processors from them after the queue;
//!   cuts that do not help are undone.
//! - **Queue.** Bounded by time: up to 0.8 objectives for a burst, 0.1 objectives once it has been standing for two objectives, then with the newest first.
//!   Classes by strict priority, clients by fair share, refusals of what would come late.
//! - **Failing open.** Where a route takes longer than 0.8 objectives without load, the objective is unreachable: it is replaced by twice that latency, and the
//!   snapshot shows it (`unreachable`). Requests that take longer than eight objectives stop counting.
//! - **Bounds.** [`MAX_QUEUE`] queued requests, [`MAX_ROUTES`] routes, [`MAX_CLIENTS`] clients with a share of their own in each class of
//!   [`Criticality`](crate::Criticality).
//!
//! No setting but the objective. The constants and the runs behind them are in `docs/adr/0022-admission.md`.
//!
//! Other limits of this crate have other uses: [`Bulkhead`](crate::Bulkhead) and [`Adaptive`](crate::Adaptive) bound the *calls of a dependency*, whose
//! objective is not known; `border` bounds connections, and requests of one address, by numbers that protect memory.

mod anchored_limit;
mod class_limits;
mod client_shares;
mod core;
mod decision;
mod gate;
mod occupancy;
mod peak;
mod pool;
mod pool_room;
mod processors;
mod quantile;
mod queue;
mod rate;
mod ration;
mod reason;
mod route;
mod rules;
mod snapshot;
mod waiters;

pub use self::client_shares::MAX_CLIENTS;
pub use self::core::AdmissionCore;
pub use self::decision::{Arrival, ClientKey, Decision, Ended, Place, RouteId, Ticket, Wake};
pub use self::gate::{Entry, Gate, Permit, Refused, Waiting};
pub use self::pool::{Pool, PoolUser, RoutePools};
pub use self::processors::Processors;
pub use self::queue::{MAX_QUEUE, MAX_ROUTES};
pub use self::ration::{MAX_FLOWS, Share};
pub use self::reason::Reason;
pub use self::rules::{AdmissionRules, MAX_CORES, MAX_OBJECTIVE, OBJECTIVE, RouteRules};
pub use self::snapshot::{AdmissionSnapshot, RouteSnapshot};

//! Policy: one value that protects the calls of a dependency, with guards in this order, from the outside in.
//!
//! | guard | does |
//! |---|---|
//! | deadline | ends the call when its caller no longer waits: nothing is begun and running work is dropped |
//! | fallback | gives another value instead of an answer, visibly to the caller: [`Policy::call_or`], [`Policy::call_or_stale`] |
//! | hedge | makes a second call when the first takes longer than most and has not failed |
//! | retry | repeats failed calls that may be repeated, paid from the retry budget |
//! | *each attempt:* circuit breaker | refuses calls to a failing callee |
//! | *each attempt:* rate limit | bounds calls per second; calls over the rate wait for their turn, or are refused |
//! | *each attempt:* bulkhead | bounds concurrent calls and the queue; with an adaptive limit it finds the bound itself; a group of callers has its own share |
//! | *each attempt:* throttle | refuses a share of the calls to a callee that refuses most of them |
//! | *each attempt:* timeout | gives an attempt all the remaining time, up to a maximum; with a share, a slow attempt is replaced by the next one, if there is one |
//!
//! Cancel-safe: a dropped call gives back its permit, and a probe's permit, at once.

mod attempt_guard;
mod boxed;
mod calls;
mod error;
mod group;
mod layer;
mod rules;
mod shared;
mod tally;
mod terms;
mod vitals;

pub use self::boxed::BoxedError;
pub use self::calls::Policy;
pub use self::error::{Bound, CallError, Guard};
pub use self::group::NoSuchGroup;
pub use self::layer::{Guarded, GuardedFuture, PolicyLayer};
pub use self::rules::{GroupRules, MAX_GROUPS, Rules, TimeoutRules};
pub use self::terms::Attempt;

//! Policy: one value that protects the calls of a dependency, with guards in this order, from the outside in.
//!
//! | guard | does |
//! |---|---|
//! | deadline | when nobody waits any more, nothing is begun and what runs is dropped |
//! | fallback | what is given instead of an answer, and can be seen to be: [`Policy::call_or`], [`Policy::call_or_stale`] |
//! | hedge | a second call when the first takes longer than most do and has not failed |
//! | retry | what failed and may be repeated is tried again, paid from the budget |
//! | *each attempt:* breaker | a callee that fails is left alone |
//! | *each attempt:* rate limit | so many a second; what comes sooner waits for its turn, or is refused |
//! | *each attempt:* bulkhead | so many at a time, so many more wait; how many is found out where the limit is adaptive; a group of callers has so many of them |
//! | *each attempt:* throttle | a callee that refuses most of what it is asked is not asked for all of it |
//! | *each attempt:* timeout | an attempt has all that is left until the deadline, and at most so long; with a share, one that is slower is replaced by the next one, where there is one |
//!
//! Cancel-safe: whoever drops a call gives back its permit, and a probe's permit, at once.

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

//! Load balancing: the choice of an instance for each call.
//!
//! | chooser | picks | source |
//! |---|---|---|
//! | round robin | one after the other, each as often as its weight says, smoothly mixed | nginx's smooth weighted round robin |
//! | least loaded | the one with fewer calls in flight, of two drawn at random | Mitzenmacher, "The Power of Two Choices", 2001 |
//! | peak EWMA | the one with the smaller latency times calls in flight, of two drawn at random | Finagle's `PeakEwma` |
//! | hashed | the same one for the same key, unless it has more than its part of the load | Thaler and Ravishankar, rendezvous hashing, 1998; Mirrokni, Thorup and Zadimoghaddam, bounded loads, 2016 |
//!
//! In front of each: calls stay in their own zone as long as that is well enough, and spill over by the share that it is not
//! (Envoy's priority levels); new instances and those that were ejected get gradually more; and where too few are left to
//! carry the load, ejections are not looked at (panic).
//!
//! A pick allocates nothing and takes no lock. Least loaded and peak EWMA take constant time, hashing looks at each instance.

mod choose;
mod ewma;
mod hash;
mod instance;
mod rules;
mod set;

pub(crate) use self::choose::View;
pub(crate) use self::hash::hash_of;
pub use self::instance::{Instance, MAX_WEIGHT};
pub use self::rules::{BalanceRules, Chooser, SlowStart, Subset, ZoneRules};
pub use self::set::MAX_INSTANCES;
pub(crate) use self::set::{Set, State};

//! State of a breaker, packed into one word of 64 bits, so that each change is one atomic exchange.
//!
//! ```text
//! | epoch: 20 | tag: 2 | Closed:   0
//! |           |        | Open:     until, in milliseconds: 42
//! |           |        | HalfOpen: under way: 8 | succeeded: 8 | failed: 8 | since, in seconds: 18 (wraps after three days)
//! ```

use std::time::Duration;

const EPOCH_BITS: u32 = 20;
const REST_BITS: u32 = 42;
const SECOND_BITS: u32 = 18;

/// A moment in milliseconds, of 42 bits: 139 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

impl Word {
    pub(super) fn of(millis: u128) -> Self {
        Self(u64::try_from(millis).unwrap_or(u64::MAX).min((1 << REST_BITS) - 1))
    }

    pub(super) fn get(self) -> u64 {
        self.0
    }
}

/// A moment in seconds, of 18 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Second(u64);

impl Second {
    fn of(seconds: u64) -> Self {
        Self(seconds % (1 << SECOND_BITS))
    }

    /// Returns the time from this moment until that one, within three days.
    pub(super) fn until(self, seconds: u64) -> Duration {
        Duration::from_secs((seconds.wrapping_sub(self.0)) % (1 << SECOND_BITS))
    }
}

/// The calls that were admitted to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Probes {
    pub(super) under_way: u8,
    pub(super) succeeded: u8,
    pub(super) failed: u8,
}

impl Probes {
    /// Places that are in use or used up.
    pub(super) fn taken(self) -> u8 {
        self.under_way.saturating_add(self.succeeded).saturating_add(self.failed)
    }

    /// Counts a probe as ended; with `None` its outcome does not count, and another call may have its permit.
    pub(super) fn ended(self, good: Option<bool>) -> Self {
        Self {
            under_way: self.under_way.saturating_sub(1),
            succeeded: self.succeeded.saturating_add(u8::from(good == Some(true))),
            failed: self.failed.saturating_add(u8::from(good == Some(false))),
        }
    }
}

/// State of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Closed,
    Open { until: Word },
    HalfOpen { probes: Probes, since: Second },
}

impl State {
    pub(super) fn half_open(seconds: u64) -> Self {
        Self::HalfOpen { probes: Probes::default(), since: Second::of(seconds) }
    }
}

/// A state, and which one it is since the breaker's birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Phase {
    /// Wraps after a million changes.
    pub(super) epoch: u32,
    pub(super) state: State,
}

impl Phase {
    pub(super) const BIRTH: Self = Self { epoch: 0, state: State::Closed };

    /// The next epoch, in this state.
    pub(super) fn begin(self, state: State) -> Self {
        Self { epoch: (self.epoch + 1) % (1 << EPOCH_BITS), state }
    }

    /// Returns the phase with one more probe under way, if it is half open.
    pub(super) fn with_probe(self) -> Self {
        match self.state {
            State::HalfOpen { probes, since } => {
                let probes = Probes { under_way: probes.under_way.saturating_add(1), ..probes };
                Self { state: State::HalfOpen { probes, since }, ..self }
            }
            _ => self,
        }
    }

    pub(super) fn pack(self) -> u64 {
        let (tag, rest) = match self.state {
            State::Closed => (0, 0),
            State::Open { until } => (1, until.0),
            State::HalfOpen { probes: Probes { under_way, succeeded, failed }, since } => {
                let counts = u64::from(u32::from_be_bytes([0, under_way, succeeded, failed]));
                (2, counts << SECOND_BITS | since.0)
            }
        };
        u64::from(self.epoch) << (REST_BITS + 2) | tag << REST_BITS | rest
    }

    /// The epoch where the word is that of a closed breaker: the tag and the rest of it are 0.
    pub(super) fn closed(word: u64) -> Option<u32> {
        (word & ((1 << (REST_BITS + 2)) - 1) == 0).then_some((word >> (REST_BITS + 2)) as u32)
    }

    pub(super) fn unpack(word: u64) -> Self {
        let rest = word & ((1 << REST_BITS) - 1);
        let state = match word >> REST_BITS & 3 {
            0 => State::Closed,
            1 => State::Open { until: Word(rest) },
            _ => {
                let [.., under_way, succeeded, failed] = (rest >> SECOND_BITS).to_be_bytes();
                let probes = Probes { under_way, succeeded, failed };
                State::HalfOpen { probes, since: Second::of(rest) }
            }
        };
        Self { epoch: (word >> (REST_BITS + 2)) as u32, state }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn phase() -> impl Strategy<Value = Phase> {
        let open = any::<u64>().prop_map(|millis| State::Open { until: Word::of(u128::from(millis)) });
        let half = any::<(u8, u8, u8, u64)>().prop_map(|(under_way, succeeded, failed, seconds)| State::HalfOpen {
            probes: Probes { under_way, succeeded, failed },
            since: Second::of(seconds),
        });
        (0_u32..1 << EPOCH_BITS, prop_oneof![Just(State::Closed), open, half])
            .prop_map(|(epoch, state)| Phase { epoch, state })
    }

    proptest! {
        #[test]
        fn packed_state_round_trips(phase in phase()) {
            prop_assert_eq!(Phase::unpack(phase.pack()), phase);
            let closed = (phase.state == State::Closed).then_some(phase.epoch);
            prop_assert_eq!(Phase::closed(phase.pack()), closed);
        }

        #[test]
        fn seconds_are_distinct_for_three_days(since in any::<u32>(), passed in 0_u64..1 << SECOND_BITS) {
            let since = u64::from(since);
            prop_assert_eq!(Second::of(since).until(since + passed), Duration::from_secs(passed));
        }
    }
}

//! States of runs.

use serde::Serialize;

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunState {
    /// A job drives it, or will.
    Ready,
    /// It waits for a signal or a time.
    Waiting,
    /// Its steps are being undone.
    Undoing,
    /// All steps are committed.
    Done,
    /// All steps that had taken effect and can be undone are undone.
    Undone,
    /// It stopped, because it does not fit its ratchet or cannot be undone: an operator decides.
    NeedsDecision,
    /// An operator has given it up as it is.
    Abandoned,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Ready, Self::Waiting, Self::Undoing, Self::Done, Self::Undone, Self::NeedsDecision, Self::Abandoned];

    /// Returns the state of this name; none when there is none.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    pub(super) fn number(self) -> i64 {
        match self {
            Self::Ready => 0,
            Self::Waiting => 1,
            Self::Undoing => 2,
            Self::Done => 3,
            Self::Undone => 4,
            Self::NeedsDecision => 5,
            Self::Abandoned => 6,
        }
    }

    pub(super) fn of(number: i64) -> Self {
        match number {
            0 => Self::Ready,
            1 => Self::Waiting,
            2 => Self::Undoing,
            3 => Self::Done,
            4 => Self::Undone,
            5 => Self::NeedsDecision,
            _ => Self::Abandoned,
        }
    }

    /// Its name in vitals.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Waiting => "waiting",
            Self::Undoing => "undoing",
            Self::Done => "done",
            Self::Undone => "undone",
            Self::NeedsDecision => "needs_decision",
            Self::Abandoned => "abandoned",
        }
    }

    /// Returns true if the run does nothing more by itself or by a resumption.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Undone | Self::Abandoned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_read_as_it_was_written() {
        let states: Vec<RunState> = (0..7).map(RunState::of).collect();
        assert!((0..7).zip(&states).all(|(number, state)| state.number() == number));
        assert_eq!(states, RunState::ALL);
        let written = |state: &RunState| serde_json::to_value(state).ok();
        assert!(states.iter().all(
            |state| written(state) == Some(state.name().into()) && RunState::of_name(state.name()) == Some(*state)
        ));
        assert_eq!(states.iter().filter(|state| state.has_ended()).count(), 3);
    }
}

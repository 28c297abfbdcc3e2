//! A model of the lease of a job: all its states are visited, and walks through it are replayed on the real engine, answer by answer.

use std::collections::{HashSet, VecDeque};

/// Workers; each remembers the last fence that it was given, for ever.
const WORKERS: usize = 2;
/// Attempts of a job.
pub(crate) const MAX_ATTEMPTS: u8 = 2;
/// Redrives of a dead letter.
const MAX_REDRIVES: u8 = 1;

/// The state of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    Ready,
    /// A worker has it; true when its lease is over.
    Running(bool),
    Dead,
    Done,
}

/// An event of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Claim(usize),
    /// The worker stores success under the fence that it remembers.
    Complete(usize),
    /// The worker stores a failure under the fence that it remembers.
    Fail(usize),
    Beat(usize),
    LeaseEnds,
    /// Any worker ends attempts whose lease is over.
    Sweep,
    Redrive,
}

/// A claim: the row (a redriven job is another one) and the fence.
type Fence = (u8, u8);

/// The job and the memories of the workers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Model {
    pub(crate) state: State,
    pub(crate) row: u8,
    pub(crate) fence: u8,
    pub(crate) attempt: u8,
    memory: [Option<Fence>; WORKERS],
    /// True without the fence: a write names the job alone.
    is_unfenced: bool,
}

impl Model {
    pub(crate) fn new(is_unfenced: bool) -> Self {
        Self { state: State::Ready, row: 0, fence: 0, attempt: 0, memory: [None; WORKERS], is_unfenced }
    }

    pub(crate) fn actions() -> Vec<Action> {
        let each = |action: fn(usize) -> Action| (0..WORKERS).map(action);
        let of_workers =
            each(Action::Claim).chain(each(Action::Complete)).chain(each(Action::Fail)).chain(each(Action::Beat));
        of_workers.chain([Action::LeaseEnds, Action::Sweep, Action::Redrive]).collect()
    }

    /// Returns true if a write of this worker counts.
    fn holds(&self, worker: usize) -> bool {
        let is_running = matches!(self.state, State::Running(_));
        self.memory[worker]
            .is_some_and(|(row, fence)| is_running && row == self.row && (self.is_unfenced || fence == self.fence))
    }

    /// Does it; returns whether it had an effect.
    pub(crate) fn act(&mut self, action: Action) -> bool {
        match action {
            Action::Claim(worker) if self.state == State::Ready => {
                self.fence += 1;
                self.attempt += 1;
                self.state = State::Running(false);
                self.memory[worker] = Some((self.row, self.fence));
                true
            }
            Action::Complete(worker) if self.holds(worker) => {
                self.state = State::Done;
                true
            }
            Action::Fail(worker) if self.holds(worker) => self.end_attempt(),
            Action::Beat(worker) if self.holds(worker) => {
                self.state = State::Running(false);
                true
            }
            Action::LeaseEnds if self.state == State::Running(false) => {
                self.state = State::Running(true);
                true
            }
            Action::Sweep if self.state == State::Running(true) => self.end_attempt(),
            Action::Redrive if self.state == State::Dead && self.row < MAX_REDRIVES => {
                (self.state, self.row, self.fence, self.attempt) = (State::Ready, self.row + 1, 0, 0);
                true
            }
            _ => false,
        }
    }

    fn end_attempt(&mut self) -> bool {
        if self.attempt == MAX_ATTEMPTS {
            self.state = State::Dead;
        } else {
            self.state = State::Ready;
            self.fence += 1;
        }
        true
    }

    /// Says what is wrong with a state.
    fn fault(&self) -> Option<&'static str> {
        let holders = (0..WORKERS).filter(|&worker| self.holds(worker)).count();
        match self.state {
            _ if self.attempt > MAX_ATTEMPTS => Some("W3: more attempts than allowed"),
            State::Running(_) if holders != 1 => Some("W4, W5: a running job has not one holder"),
            State::Ready | State::Dead | State::Done if holders > 0 => Some("W4: a job that does not run has a holder"),
            _ => None,
        }
    }

    /// Visits every state; returns their number, and the faults that were seen.
    fn explore(self) -> (usize, HashSet<&'static str>) {
        let mut seen = HashSet::from([self.clone()]);
        let (mut next, mut faults) = (VecDeque::from([self]), HashSet::new());
        while let Some(model) = next.pop_front() {
            faults.extend(model.fault());
            for action in Self::actions() {
                let mut after = model.clone();
                let had_effect = after.act(action);
                assert!(had_effect || after == model, "{action:?} without an effect changes nothing");
                assert!((after.row, after.fence) >= (model.row, model.fence), "W4: a fence fell by {action:?}");
                // A late worker can act in every state.
                if seen.insert(after.clone()) {
                    next.push_back(after);
                }
            }
        }
        (seen.len(), faults)
    }
}

#[test]
fn in_every_state_of_the_model_a_running_job_has_one_holder_and_any_other_has_none() {
    let (states, faults) = Model::new(false).explore();
    assert!(states > 50, "{states}");
    assert_eq!(faults, HashSet::new());
}

#[test]
fn without_the_fence_the_model_finds_a_second_holder() {
    let (_, faults) = Model::new(true).explore();
    assert!(faults.contains("W4, W5: a running job has not one holder"), "{faults:?}");
}

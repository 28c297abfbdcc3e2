//! Vitals of ratchets.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vitals::{Column, Source, Table, TableRow, TableValue};

use super::state::RunState;
use super::store::RunCount;

const RATCHET: Table = Table {
    name: "ratchet",
    help: "A kind of run: its runs in the database, and the work of this process.",
    columns: &[
        Column::label("ratchet", "The kind of the runs."),
        Column::gauge("ready", "Runs that are driven or will be."),
        Column::gauge("waiting", "Runs that wait for a signal or a time."),
        Column::gauge("undoing", "Runs whose steps are being undone."),
        Column::gauge("needs_decision", "Runs that stopped until an operator decides."),
        Column::gauge("stalled", "Runs whose job is gone, as after a dead letter: redrive it or resume the run."),
        Column::gauge("other_versions", "Runs of versions that this process does not have."),
        Column::counter("steps", "Steps committed."),
        Column::counter("repeated", "Calls that were repeated with their key."),
        Column::counter("undone", "Steps undone."),
        Column::counter("ended", "Runs whose steps are all committed, or undone."),
        Column::counter("turned_back", "Runs that began to undo their steps."),
        Column::counter("stopped", "Runs that stopped until an operator decides."),
        Column::counter("refused", "Drivers that were refused by their fence."),
    ],
};

/// A count of one kind of run in this process.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    Step,
    Repeated,
    Undone,
    Ended,
    TurnedBack,
    Stopped,
    Refused,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// Ready, waiting, undoing, needs decision, stalled, other versions.
    runs: [u64; 6],
    /// In the order of [`Count`].
    work: [u64; 7],
}

/// The row source of the ratchets of one process.
#[derive(Debug, Default)]
pub(super) struct Stats(Mutex<BTreeMap<String, Counts>>);

impl Stats {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Counts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a kind. Only definitions add one, so that there are as many as they.
    pub(super) fn add_kind(&self, kind: &str) {
        self.lock().entry(kind.to_owned()).or_default();
    }

    pub(super) fn count(&self, kind: &str, count: Count) {
        if let Some(counts) = self.lock().get_mut(kind) {
            counts.work[count as usize] += 1;
        }
    }

    /// Sets the counts of runs in the database; `has` tells the versions of this process.
    pub(super) fn set_runs(&self, counted: &[RunCount], has: impl Fn(&str, u16) -> bool) {
        let mut all = self.lock();
        for counts in all.values_mut() {
            counts.runs = [0; 6];
        }
        for count in counted {
            let Some(counts) = all.get_mut(&count.kind) else { continue };
            let place = match count.state {
                RunState::Ready => 0,
                RunState::Waiting => 1,
                RunState::Undoing => 2,
                _ => 3,
            };
            counts.runs[place] += count.runs;
            counts.runs[4] += count.stalled;
            if !has(&count.kind, count.version) {
                counts.runs[5] += count.runs;
            }
        }
    }
}

impl Source for Stats {
    fn table(&self) -> &'static Table {
        &RATCHET
    }

    fn rows(&self) -> Vec<TableRow> {
        let row = |(kind, counts): (&String, &Counts)| {
            let numbers = counts.runs.iter().chain(&counts.work).map(|&number| TableValue::from(number));
            std::iter::once(TableValue::text(kind.as_str())).chain(numbers).collect()
        };
        self.lock().iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_by_state_and_a_version_that_is_not_here_is_counted_too() {
        let stats = Stats::default();
        stats.add_kind("payout");
        stats.count("payout", Count::Refused);
        stats.count("unknown", Count::Step);
        let count =
            |version, state, runs, stalled| RunCount { kind: "payout".to_owned(), version, state, runs, stalled };
        let counted = [count(1, RunState::Ready, 3, 1), count(2, RunState::NeedsDecision, 2, 0)];
        stats.set_runs(&counted, |_, version| version == 2);
        let row = stats.rows().remove(0);
        assert_eq!(stats.rows().len(), 1);
        assert_eq!(row.len(), RATCHET.columns.len());
        let expected = [3_u64, 0, 0, 2, 1, 3, 0, 0, 0, 0, 0, 0, 1].map(TableValue::from);
        assert_eq!(row[1..], expected);
    }
}

//! History of numbers and distributions: what they were in the last minutes, so that views need not show totals since the start.
//!
//! Each row of the registry keeps two rings for each number, of 60 points of 5 s and of 180 points of 60 s, and for each
//! distribution the changes of the last minute (6 of 10 s) and quarter of an hour (15 of 60 s). [`History::record`] is to be called every
//! [`STEP`]; until then the history of a row begins at zero.

mod packed;
mod ring;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::packed::Changes;
use self::ring::Ring;
use crate::{HistogramSnapshot, Kind, Snapshot, Table, TableRow, TableValue};

/// The time between two recordings.
pub const STEP: Duration = Duration::from_secs(5);
/// The most numbers with a history; those of further rows have none.
pub const MAX_NUMBERS: usize = 2_000;
/// The most distributions with a history; for further ones the time since the start stands for every window.
pub const MAX_DISTRIBUTIONS: usize = 2_000;

/// Points of 5 s.
const FINE_POINTS: usize = 60;
/// Points of 60 s.
const COARSE_POINTS: usize = 180;
/// Steps in a coarse point.
const COARSE_STEPS: u64 = 12;
/// Steps in a short change of a distribution: 10 s.
const SHORT_STEPS: u64 = 2;
/// Short changes of a distribution: a minute.
const SHORT_CHANGES: usize = 6;
/// Long changes of a distribution, of 60 s: a quarter of an hour.
const LONG_CHANGES: usize = 15;

/// Past values of the rows of a registry.
#[derive(Debug, Default)]
pub struct History {
    inner: Mutex<Inner>,
}

/// The points of one number, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// Points of 5 s: the increase of a counter, the value of a gauge.
    pub fine: Vec<f32>,
    /// Points of 60 s: the increase of a counter, the mean of a gauge.
    pub coarse: Vec<f32>,
}

#[derive(Debug, Default)]
struct Inner {
    rows: HashMap<Key, Row>,
    /// Recordings so far.
    steps: u64,
    numbers: usize,
    distributions: usize,
}

/// A row: a hash of its table and its labels. Two rows of one hash by chance are one in 10^19 pairs.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key(u64);

#[derive(Debug)]
struct Row {
    /// The recording that it was last part of.
    step: u64,
    /// One for each column.
    cells: Box<[Cell]>,
}

#[derive(Debug)]
enum Cell {
    None,
    Number(Box<Number>),
    Distribution(Box<Distribution>),
}

#[derive(Debug, Default)]
struct Number {
    last: f64,
    fine: Ring<FINE_POINTS>,
    coarse: Ring<COARSE_POINTS>,
}

#[derive(Debug, Default)]
struct Distribution {
    /// At the last short change, packed.
    last: Vec<u8>,
    short_changes: Changes<SHORT_CHANGES>,
    long_changes: Changes<LONG_CHANGES>,
}

impl History {
    /// Records the values of all rows, one table after the other. Rows that are gone are forgotten. Another recording must not run at the same
    /// time.
    pub fn record(&self, snapshots: impl IntoIterator<Item = Snapshot>) {
        self.inner().steps += 1;
        for snapshot in snapshots {
            let mut inner = self.inner();
            for row in &snapshot.rows {
                inner.record(snapshot.table, row);
            }
        }
        self.inner().forget();
    }

    /// Returns what a distribution has got in the last `over`, or up to ten seconds longer; `now` is its present value. Windows up to a minute
    /// end on ten seconds, those up to a quarter of an hour on minutes; a longer one, and one of a row that is younger, is since the
    /// start.
    pub fn distribution(
        &self,
        table: &'static Table,
        row: &TableRow,
        column: usize,
        over: Duration,
    ) -> HistogramSnapshot {
        let Some(TableValue::Distribution(now)) = row.get(column) else { return HistogramSnapshot::default() };
        let inner = self.inner();
        match inner.cell(table, row, column) {
            Some(Cell::Distribution(kept)) => kept.window(now, over, inner.steps),
            _ => HistogramSnapshot::clone(now),
        }
    }

    /// Returns the past points of a number; none where it has no history.
    pub fn points(&self, table: &'static Table, row: &TableRow, column: usize) -> Points {
        let inner = self.inner();
        let Some(Cell::Number(kept)) = inner.cell(table, row, column) else { return Points::default() };
        Points { fine: kept.fine.newest().collect(), coarse: kept.coarse.newest().collect() }
    }

    /// Returns the number of numbers and of distributions that have a history.
    pub fn kept(&self) -> [usize; 2] {
        let inner = self.inner();
        [inner.numbers, inner.distributions]
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Each value is whole whatever happened to the thread that held the lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn cell(&self, table: &'static Table, row: &TableRow, column: usize) -> Option<&Cell> {
        self.rows.get(&key_of(table, row))?.cells.get(column)
    }

    fn record(&mut self, table: &'static Table, row: &TableRow) {
        let (key, steps) = (key_of(table, row), self.steps);
        if !self.rows.contains_key(&key) {
            let cells = self.cells_of(table);
            // A row without room is not known: it would take memory, and get none when there is room again.
            if cells.iter().any(|cell| !matches!(cell, Cell::None)) {
                self.rows.insert(key_of(table, row), Row { step: steps, cells });
            }
        }
        let Some(kept) = self.rows.get_mut(&key) else { return };
        kept.step = steps;
        for ((cell, value), column) in kept.cells.iter_mut().zip(row).zip(table.columns) {
            match (cell, value) {
                (Cell::Number(number), value) => {
                    number.record(value.number().unwrap_or_default(), column.kind == Kind::Counter, steps);
                }
                (Cell::Distribution(kept), TableValue::Distribution(now)) => kept.record(now, steps),
                _ => {}
            }
        }
    }

    /// The cells of a new row, as far as the bounds allow.
    fn cells_of(&mut self, table: &'static Table) -> Box<[Cell]> {
        let cell = |kind: Kind| match kind {
            Kind::Counter | Kind::Gauge if self.numbers < MAX_NUMBERS => {
                self.numbers += 1;
                Cell::Number(Box::default())
            }
            Kind::Histogram if self.distributions < MAX_DISTRIBUTIONS => {
                self.distributions += 1;
                Cell::Distribution(Box::default())
            }
            _ => Cell::None,
        };
        table.columns.iter().map(|column| column.kind).map(cell).collect()
    }

    fn forget(&mut self) {
        let steps = self.steps;
        self.rows.retain(|_, row| row.step == steps);
        let cells = || self.rows.values().flat_map(|row| &row.cells);
        self.numbers = cells().filter(|cell| matches!(cell, Cell::Number(_))).count();
        self.distributions = cells().filter(|cell| matches!(cell, Cell::Distribution(_))).count();
    }
}

fn key_of(table: &'static Table, row: &TableRow) -> Key {
    let mut hasher = DefaultHasher::new();
    table.name.hash(&mut hasher);
    table.labels(row).for_each(|label| label.hash(&mut hasher));
    Key(hasher.finish())
}

impl Number {
    fn record(&mut self, now: f64, is_counter: bool, steps: u64) {
        let point = if is_counter { now - self.last } else { now };
        self.last = now;
        self.fine.push(point as f32);
        if steps.is_multiple_of(COARSE_STEPS) {
            let points = || self.fine.newest().take(COARSE_STEPS as usize);
            let (sum, count) = (points().sum::<f32>(), points().count() as f32);
            self.coarse.push(if is_counter { sum } else { sum / count });
        }
    }
}

impl Distribution {
    fn record(&mut self, now: &HistogramSnapshot, steps: u64) {
        if !steps.is_multiple_of(SHORT_STEPS) {
            return;
        }
        let change = now.since(&self.last());
        self.short_changes.push(&change);
        if change != HistogramSnapshot::default() {
            self.last.clear();
            packed::pack(now, &mut self.last);
        }
        if steps.is_multiple_of(COARSE_STEPS) {
            let mut long = HistogramSnapshot::default();
            self.short_changes.add_newest(SHORT_CHANGES, &mut long);
            self.long_changes.push(&long);
        }
    }

    /// The value at the last short change.
    fn last(&self) -> HistogramSnapshot {
        packed::unpack(&mut &self.last[..])
    }

    fn window(&self, now: &HistogramSnapshot, over: Duration, steps: u64) -> HistogramSnapshot {
        let short = over.div_duration_f64(STEP * SHORT_STEPS as u32).ceil() as usize;
        let long = over.div_duration_f64(STEP * COARSE_STEPS as u32).ceil() as usize;
        // A long window ends with the short changes since the last long one.
        let (short, long) = match (short <= SHORT_CHANGES, long <= LONG_CHANGES) {
            (true, _) => (short, 0),
            (false, true) => ((steps % COARSE_STEPS / SHORT_STEPS) as usize, long),
            (false, false) => return now.without_exemplars(),
        };
        let mut window = now.since(&self.last());
        self.short_changes.add_newest(short, &mut window);
        self.long_changes.add_newest(long, &mut window);
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Histogram};

    const ROUTE: Table = Table {
        name: "route",
        help: "A route.",
        columns: &[
            Column::label("name", "Its name."),
            Column::counter("requests", "Requests."),
            Column::gauge("queued", "Requests that wait."),
            Column::duration("duration", "Durations."),
        ],
    };

    fn row(name: &str, requests: u64, histogram: &Histogram) -> TableRow {
        vec![
            TableValue::text(name),
            TableValue::from(requests),
            TableValue::from(3.0),
            TableValue::from(histogram.snapshot()),
        ]
    }

    fn record(history: &History, rows: &[TableRow]) {
        history.record([Snapshot { table: &ROUTE, rows: rows.to_vec() }]);
    }

    #[test]
    fn a_slow_minute_leaves_the_quantile_of_the_last_minute_when_it_is_over() {
        let (history, durations) = (History::default(), Histogram::new());
        let p99 = |row: &TableRow| history.distribution(&ROUTE, row, 3, Duration::from_secs(60)).quantile(0.99);
        for _ in 0..12 {
            (0..100).for_each(|_| durations.record(Duration::from_secs(2)));
            record(&history, &[row("/a", 0, &durations)]);
        }
        assert!(p99(&row("/a", 0, &durations)) > Duration::from_secs(1));
        for _ in 0..14 {
            durations.record(Duration::from_millis(5));
            record(&history, &[row("/a", 0, &durations)]);
        }
        let now = row("/a", 0, &durations);
        assert!(p99(&now) < Duration::from_millis(6), "{:?}", p99(&now));
        let quarter = history.distribution(&ROUTE, &now, 3, Duration::from_secs(900));
        assert_eq!(quarter.count(), 1214);
        assert!(durations.snapshot().quantile(0.99) > Duration::from_secs(1), "the total still shows it");
    }

    #[test]
    fn a_counter_keeps_increases_and_a_gauge_keeps_values() {
        let (history, durations) = (History::default(), Histogram::new());
        for step in 1..=24 {
            record(&history, &[row("/a", step * 10, &durations)]);
        }
        let row = row("/a", 240, &durations);
        let requests = history.points(&ROUTE, &row, 1);
        assert_eq!((requests.fine.len(), requests.fine[0], requests.coarse), (24, 10.0, vec![120.0, 120.0]));
        assert_eq!(history.points(&ROUTE, &row, 2).coarse, [3.0, 3.0]);
    }

    #[test]
    fn rows_over_the_bound_have_no_history_and_rows_that_leave_make_room() {
        let (history, durations) = (History::default(), Histogram::new());
        let rows: Vec<TableRow> = (0..MAX_NUMBERS).map(|n| row(&n.to_string(), 1, &durations)).collect();
        record(&history, &rows);
        assert_eq!(history.kept(), [MAX_NUMBERS, MAX_DISTRIBUTIONS]);
        assert_eq!(history.points(&ROUTE, &rows[MAX_NUMBERS - 1], 1), Points::default());
        record(&history, &rows[..1]);
        assert_eq!(history.kept(), [2, 1]);
        let late = &rows[MAX_NUMBERS - 1..];
        record(&history, late);
        assert_eq!(history.points(&ROUTE, &late[0], 1).fine, [1.0], "a row that had no room gets it");
    }

    #[test]
    fn windows_of_any_length_are_what_was_recorded_in_them() {
        let (history, durations) = (History::default(), Histogram::new());
        // One duration between two steps, so that a window's count is its number of steps.
        let count = |over: u64| {
            let window = history.distribution(&ROUTE, &row("/a", 0, &durations), 3, Duration::from_secs(over));
            (window.count(), window.sum().as_secs())
        };
        for step in 1..=400 {
            durations.record(Duration::from_secs(1));
            record(&history, &[row("/a", 0, &durations)]);
            // A step after the last short and the last long change.
            let (short, long) = (step % SHORT_STEPS, step % COARSE_STEPS);
            for (over, expected) in
                [(10, 2 + short), (60, 12 + short), (61, 24 + long), (300, 60 + long), (900, 180 + long), (901, step)]
            {
                let expected = expected.min(step);
                assert_eq!(count(over), (expected, expected), "{over} s at step {step}");
            }
        }
    }

    #[test]
    fn a_row_takes_little_memory() {
        assert!(size_of::<Cell>() <= 16 && size_of::<Number>() <= 96 && size_of::<Distribution>() <= 96);
    }

    #[test]
    fn rings_have_a_bound() {
        let (history, durations) = (History::default(), Histogram::new());
        for step in 0..COARSE_STEPS * (COARSE_POINTS as u64 + 5) {
            record(&history, &[row("/a", step, &durations)]);
        }
        let points = history.points(&ROUTE, &row("/a", 0, &durations), 1);
        assert_eq!((points.fine.len(), points.coarse.len()), (FINE_POINTS, COARSE_POINTS));
    }
}

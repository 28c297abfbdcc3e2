//! The one registry that every view reads.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::{Bus, History, Snapshot, Source, Table, TableRow};

/// The most sources one registry takes; a program that needs more has a leak.
const MAX_SOURCES: usize = 10_000;

/// Registry of all parts that have state; every view reads it. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    sources: Mutex<Vec<Weak<dyn Source>>>,
    bus: Bus,
    history: History,
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source, which stays for as long as its owner keeps it alive.
    ///
    /// # Panics
    /// When 10,000 living sources are registered: parts are declared, not made per request.
    pub fn register<S: Source + 'static>(&self, source: Arc<S>) {
        let source: Arc<dyn Source> = source;
        let mut sources = self.sources();
        sources.retain(|known| known.strong_count() > 0);
        assert!(sources.len() < MAX_SOURCES, "more than {MAX_SOURCES} vitals: register a part, not a request");
        sources.push(Arc::downgrade(&source));
    }

    /// Every table with its rows now, in the order of first registration. Of two sources with rows of the same labels the first is shown: a
    /// series must not appear twice.
    ///
    /// The registry's lock is held only to copy the list, never while a source is read; a source that panics is left
    /// out and does no other harm.
    pub fn snapshot(&self) -> Vec<Snapshot> {
        self.snapshot_where(|_| true)
    }

    /// The tables of these names with their rows now. No other source is read.
    pub fn snapshot_of(&self, names: &[&str]) -> Vec<Snapshot> {
        self.snapshot_where(|table| names.contains(&table.name))
    }

    /// Every table that [is a metric](Table::is_metric), with its rows at the time when it is asked for, in the order of first registration: where rows
    /// are many, one table after the other takes less memory than all of them.
    pub fn metrics(&self) -> Tables {
        let metrics = self.shapes().into_iter().filter(|table| table.is_metric());
        let names: Vec<&'static str> = metrics.map(|table| table.name).collect();
        Tables { registry: self.clone(), names: names.into_iter() }
    }

    /// The shape of every table, in the order of first registration. No source is read.
    pub fn shapes(&self) -> Vec<&'static Table> {
        let mut shapes: Vec<&'static Table> = Vec::new();
        for source in self.living() {
            let table = source.table();
            if !shapes.iter().any(|known| known.name == table.name) {
                shapes.push(table);
            }
        }
        shapes
    }

    fn living(&self) -> Vec<Arc<dyn Source>> {
        self.sources().iter().filter_map(Weak::upgrade).collect()
    }

    fn snapshot_where(&self, is_asked: impl Fn(&Table) -> bool) -> Vec<Snapshot> {
        let mut tables: Vec<(Snapshot, HashSet<u64>)> = Vec::new();
        for source in self.living() {
            let table = source.table();
            if !is_asked(table) {
                continue;
            }
            let Ok(mut rows) = std::panic::catch_unwind(AssertUnwindSafe(|| source.rows())) else { continue };
            let position = tables.iter().position(|(known, _)| known.table.name == table.name).unwrap_or_else(|| {
                tables.push((Snapshot { table, rows: Vec::new() }, HashSet::new()));
                tables.len() - 1
            });
            let (known, labels) = &mut tables[position];
            rows.retain(|row| row.len() == table.columns.len() && labels.insert(labels_of(table, row)));
            known.rows.append(&mut rows);
        }
        tables.into_iter().map(|(snapshot, _)| snapshot).collect()
    }

    /// Records the present values in the [`History`]; to be called every [`STEP`](crate::history::STEP).
    pub fn record_history(&self) {
        self.inner.history.record(self.metrics());
    }

    /// Returns the past values.
    pub fn history(&self) -> &History {
        &self.inner.history
    }

    /// Returns the bus on which parts publish their changes.
    pub fn bus(&self) -> &Bus {
        &self.inner.bus
    }

    fn sources(&self) -> MutexGuard<'_, Vec<Weak<dyn Source>>> {
        // A list of weak pointers is whole whatever happened to the thread that held the lock.
        self.inner.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The metrics of a registry, one table after the other.
#[derive(Debug)]
pub struct Tables {
    registry: Registry,
    names: std::vec::IntoIter<&'static str>,
}

impl Iterator for Tables {
    type Item = Snapshot;

    fn next(&mut self) -> Option<Snapshot> {
        // A table whose sources are gone meanwhile is left out.
        let registry = &self.registry;
        self.names.find_map(|name| registry.snapshot_where(|table| table.name == name).pop())
    }
}

/// A hash of the row's labels. Two rows of one hash by chance are one in 10^19 pairs.
fn labels_of(table: &Table, row: &TableRow) -> u64 {
    let mut hasher = DefaultHasher::new();
    table.labels(row).for_each(|label| label.hash(&mut hasher));
    hasher.finish()
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("sources", &self.sources().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use super::*;
    use crate::{Column, TableValue};

    const PART: Table = Table { name: "part", help: "A part.", columns: &[Column::label("name", "Its name.")] };

    struct Part(&'static str);

    impl Source for Part {
        fn table(&self) -> &'static Table {
            &PART
        }
        fn rows(&self) -> Vec<TableRow> {
            assert!(self.0 != "broken", "this part cannot be read");
            vec![vec![TableValue::text(self.0)]]
        }
    }

    #[test]
    fn sources_of_one_table_are_read_together_and_leave_with_their_owner() {
        let registry = Registry::new();
        let first = Arc::new(Part("first"));
        registry.register(first.clone());
        {
            let second = Arc::new(Part("second"));
            registry.register(second.clone());
            assert_eq!(registry.snapshot()[0].rows.len(), 2);
        }
        let snapshot = registry.snapshot();
        assert_eq!(snapshot.len(), 1);
        assert_eq!(snapshot[0].rows, vec![vec![TableValue::text("first")]]);
    }

    #[test]
    fn two_sources_with_the_same_labels_make_one_row() {
        let registry = Registry::new();
        let (first, second) = (Arc::new(Part("twin")), Arc::new(Part("twin")));
        registry.register(first.clone());
        registry.register(second.clone());
        assert_eq!(registry.snapshot()[0].rows.len(), 1);
    }

    #[test]
    fn a_question_about_one_table_reads_no_other_source() {
        const OTHER: Table = Table { name: "other", help: "Another part.", columns: &[] };
        #[derive(Default)]
        struct Other {
            is_read: AtomicBool,
        }
        impl Source for Other {
            fn table(&self) -> &'static Table {
                &OTHER
            }
            fn rows(&self) -> Vec<TableRow> {
                self.is_read.store(true, Ordering::Relaxed);
                Vec::new()
            }
        }
        let registry = Registry::new();
        let (asked, other) = (Arc::new(Part("asked")), Arc::new(Other::default()));
        registry.register(asked.clone());
        registry.register(other.clone());
        let tables = registry.snapshot_of(&["part"]);
        assert_eq!((tables.len(), tables[0].table.name), (1, "part"));
        assert_eq!(registry.shapes().iter().map(|table| table.name).collect::<Vec<_>>(), ["part", "other"]);
        assert!(!other.is_read.load(Ordering::Relaxed));
    }

    #[test]
    fn tables_are_read_one_after_the_other_when_they_are_asked_for() {
        const OTHER: Table = Table { name: "other", help: "Another part.", columns: &[] };
        struct Other;
        impl Source for Other {
            fn table(&self) -> &'static Table {
                &OTHER
            }
            fn rows(&self) -> Vec<TableRow> {
                vec![Vec::new()]
            }
        }
        let registry = Registry::new();
        let (part, other) = (Arc::new(Part("one")), Arc::new(Other));
        registry.register(part.clone());
        registry.register(other.clone());
        assert_eq!(registry.metrics().map(|table| table.table.name).collect::<Vec<_>>(), ["part", "other"]);
        let mut tables = registry.metrics();
        assert_eq!(tables.next().unwrap().rows, [[TableValue::text("one")]]);
        drop(other);
        assert!(tables.next().is_none(), "it is gone");
    }

    #[test]
    fn a_table_with_a_key_is_no_metric_and_has_no_history() {
        const CLIENTS: Table = Table {
            name: "clients",
            help: "Clients.",
            columns: &[Column::key("client", "Its address."), Column::gauge("requests", "Requests.")],
        };
        struct Clients;
        impl Source for Clients {
            fn table(&self) -> &'static Table {
                &CLIENTS
            }
            fn rows(&self) -> Vec<TableRow> {
                ["192.0.2.1", "192.0.2.2"].map(|client| vec![TableValue::text(client), TableValue::from(3u64)]).to_vec()
            }
        }
        let registry = Registry::new();
        let (part, clients) = (Arc::new(Part("one")), Arc::new(Clients));
        registry.register(part.clone());
        registry.register(clients.clone());
        assert_eq!(registry.metrics().map(|table| table.table.name).collect::<Vec<_>>(), ["part"]);
        registry.record_history();
        assert_eq!(registry.history().kept(), [0, 0]);
        assert_eq!(registry.snapshot_of(&["clients"])[0].rows.len(), 2, "keys distinguish rows");
    }

    #[test]
    fn a_source_that_panics_is_left_out_and_the_others_are_read() {
        let registry = Registry::new();
        let (broken, good) = (Arc::new(Part("broken")), Arc::new(Part("good")));
        registry.register(broken.clone());
        registry.register(good.clone());
        assert_eq!(registry.snapshot()[0].rows, vec![vec![TableValue::text("good")]]);
    }

    #[test]
    fn reading_a_slow_source_holds_up_neither_registration_nor_another_reader() {
        struct Slow(Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>>);
        impl Source for Slow {
            fn table(&self) -> &'static Table {
                &PART
            }
            fn rows(&self) -> Vec<TableRow> {
                let taken = self.0.lock().unwrap().take();
                if let Some((entered, leave)) = taken {
                    entered.send(()).unwrap();
                    leave.recv().unwrap();
                }
                Vec::new()
            }
        }
        let registry = Registry::new();
        let (entered, has_entered) = mpsc::channel();
        let (leave, may_leave) = mpsc::channel();
        let slow = Arc::new(Slow(Mutex::new(Some((entered, may_leave)))));
        registry.register(slow.clone());
        let reader = std::thread::spawn({
            let registry = registry.clone();
            move || registry.snapshot().len()
        });
        has_entered.recv().unwrap();
        let other = Arc::new(Part("other"));
        registry.register(other.clone());
        assert_eq!(registry.snapshot()[0].rows, vec![vec![TableValue::text("other")]]);
        leave.send(()).unwrap();
        reader.join().unwrap();
    }
}

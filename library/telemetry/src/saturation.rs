//! Saturation: how full the service is, as signals to scale on. A dependency that is slow raises none of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use vitals::{Column, Registry, Snapshot, Source, Table, TableRow, TableValue};

const SATURATION: Table = Table {
    name: "saturation",
    help: "The share of what this process can do that is in use, by resource: signals to scale on.",
    columns: &[
        Column::label(
            "resource",
            "processors; requests: those that do not wait for a dependency, of the learnt limit, the queue by the same share; cpu_pool: threads for CPU-bound work.",
        ),
        Column::gauge("ratio", "1 is full; above it work waits."),
    ],
};

/// The shortest time over which the use of processors is measured.
const LEAST: Duration = Duration::from_secs(2);
/// The tables that are read for it.
const READ: [&str; 5] = ["process", "http_listener", "http_admission", "client", "cpu_pool"];

/// The table `saturation` of a registry, for as long as this lives.
#[derive(Clone, Debug)]
pub struct SaturationVitals {
    _source: Arc<Saturation>,
}

#[derive(Debug)]
struct Saturation {
    registry: Registry,
    processors: f64,
    used: Mutex<Option<Used>>,
}

/// Use of processors at one moment.
#[derive(Clone, Copy, Debug)]
struct Used {
    at: Instant,
    /// Processor time so far, in seconds.
    seconds: f64,
    /// The share in the time before.
    ratio: f64,
}

impl SaturationVitals {
    /// Adds the table to a registry, whose other tables it reads.
    pub fn register(registry: &Registry) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let source = Arc::new(Saturation { registry: registry.clone(), processors, used: Mutex::new(None) });
        registry.register(source.clone());
        Self { _source: source }
    }
}

impl Saturation {
    /// The share of all processors that was used since the last look that is long enough ago.
    fn of_processors(&self, seconds: f64) -> f64 {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let Some(last) = *used else {
            *used = Some(Used { at: now, seconds, ratio: 0.0 });
            return 0.0;
        };
        let elapsed = now - last.at;
        if elapsed < LEAST {
            return last.ratio;
        }
        let ratio = (seconds - last.seconds).max(0.0) / elapsed.as_secs_f64() / self.processors;
        *used = Some(Used { at: now, seconds, ratio });
        ratio
    }
}

impl Source for Saturation {
    fn table(&self) -> &'static Table {
        &SATURATION
    }

    fn rows(&self) -> Vec<TableRow> {
        let tables = self.registry.snapshot_of(&READ);
        let mut rows = Vec::new();
        if let Some(seconds) = sum(&tables, "process", "cpu_time", "") {
            rows.push(("processors", self.of_processors(seconds)));
        }
        if let Some(limit) = sum(&tables, "http_admission", "limit", "public").filter(|limit| *limit > 0.0) {
            let all = sum(&tables, "http_listener", "requests_in_flight", "public").unwrap_or_default();
            let executing = sum(&tables, "http_admission", "in_flight", "public").unwrap_or_default();
            let calling = sum(&tables, "client", "calls_in_flight", "").unwrap_or_default();
            rows.push(("requests", all * share_at_work(executing, calling) / limit));
        }
        if let Some(threads) = sum(&tables, "cpu_pool", "threads", "").filter(|threads| *threads > 0.0) {
            let of = |column| sum(&tables, "cpu_pool", column, "").unwrap_or_default();
            rows.push(("cpu_pool", (of("running") + of("queued")) / threads));
        }
        rows.into_iter().map(|(resource, ratio)| vec![TableValue::text(resource), TableValue::from(ratio)]).collect()
    }
}

/// The share of the executing requests that do not wait for a dependency. Requests in the queue are counted by it: those behind requests
/// that wait for a dependency wait for it, too.
fn share_at_work(executing: f64, calling: f64) -> f64 {
    if executing <= 0.0 { 1.0 } else { (1.0 - calling / executing).max(0.0) }
}

/// The sum of a column over the rows whose first label is this one; over all rows for an empty one, and none without any.
fn sum(tables: &[Snapshot], table: &str, column: &str, label: &str) -> Option<f64> {
    let snapshot = tables.iter().find(|snapshot| snapshot.table.name == table)?;
    let place = snapshot.table.columns.iter().position(|known| known.name == column)?;
    let is_of =
        |row: &&TableRow| label.is_empty() || matches!(row.first(), Some(TableValue::Text(text)) if **text == *label);
    let numbers: Vec<f64> = snapshot.rows.iter().filter(is_of).filter_map(|row| row.get(place)?.number()).collect();
    (!numbers.is_empty()).then(|| numbers.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTENER: Table = Table {
        name: "http_listener",
        help: "",
        columns: &[Column::label("listener", ""), Column::gauge("requests_in_flight", "")],
    };
    const ADMISSION: Table = Table {
        name: "http_admission",
        help: "",
        columns: &[Column::label("listener", ""), Column::gauge("limit", ""), Column::gauge("in_flight", "")],
    };
    const CLIENT: Table = Table {
        name: "client",
        help: "",
        columns: &[Column::label("service_peer_name", ""), Column::gauge("calls_in_flight", "")],
    };

    #[derive(Debug)]
    struct Rows(&'static Table, Vec<(&'static str, Vec<f64>)>);

    impl Source for Rows {
        fn table(&self) -> &'static Table {
            self.0
        }

        fn rows(&self) -> Vec<TableRow> {
            let numbers = |numbers: &[f64]| numbers.iter().map(|number| TableValue::from(*number)).collect::<Vec<_>>();
            self.1.iter().map(|(label, of)| [vec![TableValue::text(*label)], numbers(of)].concat()).collect()
        }
    }

    fn ratio(registry: &Registry, resource: &str) -> Option<f64> {
        sum(&registry.snapshot_of(&["saturation"]), "saturation", "ratio", resource)
    }

    /// The ratio of requests with a limit of 40, so many that execute, so many in the queue, and so many calls of dependencies.
    fn requests(executing: f64, queued: f64, calls: f64) -> f64 {
        let registry = Registry::new();
        let sources = [
            Arc::new(Rows(&LISTENER, vec![("admin", vec![50.0]), ("public", vec![executing + queued])])),
            Arc::new(Rows(&ADMISSION, vec![("public", vec![40.0, executing])])),
            Arc::new(Rows(&CLIENT, vec![("bank", vec![calls / 2.0]), ("mail", vec![calls / 2.0])])),
        ];
        for source in &sources {
            registry.register(source.clone());
        }
        let _vitals = SaturationVitals::register(&registry);
        ratio(&registry, "requests").unwrap()
    }

    #[test]
    fn requests_that_wait_for_a_dependency_do_not_count() {
        assert!((requests(20.0, 0.0, 0.0) - 0.5).abs() < 1e-9);
        assert!(requests(20.0, 0.0, 20.0).abs() < 1e-9);
        assert!((requests(40.0, 20.0, 0.0) - 1.5).abs() < 1e-9, "above 1 requests wait");
        assert!(requests(2.0, 0.0, 8.0).abs() < 1e-9, "calls of jobs are of no request");
    }

    #[test]
    fn requests_in_the_queue_count_as_the_executing_ones_before_them() {
        assert!(requests(18.0, 46.0, 18.0).abs() < 1e-9, "all of them wait for a dependency");
        assert!((requests(40.0, 40.0, 20.0) - 1.0).abs() < 1e-9, "half of them do");
        assert!((requests(0.0, 20.0, 5.0) - 0.5).abs() < 1e-9, "nothing executes yet");
    }

    #[test]
    fn a_service_without_admission_or_a_pool_has_no_such_signal() {
        let registry = Registry::new();
        let _vitals = SaturationVitals::register(&registry);
        assert_eq!((ratio(&registry, "requests"), ratio(&registry, "cpu_pool")), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn the_use_of_processors_is_that_of_the_last_seconds() {
        let source = Saturation { registry: Registry::new(), processors: 2.0, used: Mutex::new(None) };
        assert!(source.of_processors(100.0).abs() < 1e-9, "nothing is known at first");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!((source.of_processors(110.0) - 0.5).abs() < 1e-9);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!((source.of_processors(112.0) - 0.5).abs() < 1e-9, "the time since then is too short");
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!((source.of_processors(110.0)).abs() < 1e-9, "it is idle");
    }
}

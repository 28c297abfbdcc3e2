//! Metrics of the process itself: processor time, memory, threads, descriptors; and the build that it runs.

use std::fs;
use std::sync::Arc;

use vitals::{Column, Instance, Registry, Source, Table, TableRow, TableValue, Unit};

const PROCESS: Table = Table {
    name: "process",
    help: "The process.",
    columns: &[
        Column::counter("cpu_time", "Processor time of all threads.")
            .in_unit(Unit::Seconds)
            .convention("process.cpu.time"),
        Column::gauge("memory", "Memory in use (resident set).")
            .in_unit(Unit::Bytes)
            .convention("process.memory.usage"),
        // The conventions' names end in `count`, which Prometheus keeps for histograms.
        Column::gauge("threads", "Threads."),
        Column::gauge("open_fds", "Open file descriptors."),
        Column::gauge("uptime", "Time since the start.").in_unit(Unit::Seconds).convention("process.uptime"),
    ],
};

const TARGET: Table = Table {
    name: "target",
    help: "The service that these metrics are of.",
    columns: &[
        Column::label("service_name", "The service."),
        Column::label("service_version", "Its version."),
        Column::label("host_name", "The host."),
        Column::gauge("info", "The service that these metrics are of; always 1."),
    ],
};

/// The clock of `/proc/self/stat` in ticks a second: fixed in Linux' interface to programs.
const TICKS: f64 = 100.0;

/// The tables `process` and `target` of a registry, for as long as this lives.
#[derive(Clone, Debug)]
pub struct ProcessVitals {
    _process: Arc<Process>,
    _target: Arc<Target>,
}

impl ProcessVitals {
    /// Adds the tables to a registry.
    pub fn register(registry: &Registry, instance: &Instance) -> Self {
        let (process, target) = (Arc::new(Process(instance.clone())), Arc::new(Target(instance.clone())));
        registry.register(process.clone());
        registry.register(target.clone());
        Self { _process: process, _target: target }
    }
}

#[derive(Debug)]
struct Process(Instance);
#[derive(Debug)]
struct Target(Instance);

impl Source for Process {
    fn table(&self) -> &'static Table {
        &PROCESS
    }

    /// No row where the system has no `/proc`.
    fn rows(&self) -> Vec<TableRow> {
        let (Ok(stat), Ok(status)) = (fs::read_to_string("/proc/self/stat"), fs::read_to_string("/proc/self/status"))
        else {
            return Vec::new();
        };
        let descriptors = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        let numbers = [
            cpu_time(&stat).unwrap_or(f64::NAN),
            field(&status, "VmRSS:").map_or(f64::NAN, |kibibytes| kibibytes * 1024.0),
            field(&status, "Threads:").unwrap_or(f64::NAN),
            descriptors as f64,
            self.0.uptime().as_secs_f64(),
        ];
        vec![numbers.map(TableValue::from).to_vec()]
    }
}

impl Source for Target {
    fn table(&self) -> &'static Table {
        &TARGET
    }

    fn rows(&self) -> Vec<TableRow> {
        let build = self.0.build();
        let labels = [build.name, build.version, self.0.host()];
        vec![labels.map(TableValue::text).into_iter().chain([TableValue::from(1)]).collect()]
    }
}

/// User and system time from `/proc/self/stat`, in seconds.
fn cpu_time(stat: &str) -> Option<f64> {
    // The second field is the name in parentheses, in which there may be spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Some((times.next()?.ok()? + times.next()?.ok()?) / TICKS)
}

/// The number of a line of `/proc/self/status`.
fn field(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use vitals::Build;

    use super::*;

    #[test]
    fn processor_time_is_read_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 100 1000 10";
        assert_eq!(cpu_time(stat), Some(3.0));
        assert_eq!(cpu_time("7 (a) S"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_has_memory_threads_and_descriptors() {
        let registry = Registry::new();
        let instance = Instance::new(Build { name: "shop", version: "1", commit: "abc" });
        let _vitals = ProcessVitals::register(&registry, &instance);
        let process = registry.snapshot_of(&["process"]).remove(0);
        let numbers: Vec<f64> = process.rows[0].iter().filter_map(TableValue::number).collect();
        assert!(numbers[1] > 100_000.0 && numbers[2] >= 1.0 && numbers[3] >= 3.0, "{numbers:?}");
        let text = crate::prometheus::text(&registry.snapshot());
        assert!(text.contains("target_info{service_name=\"shop\",service_version=\"1\",host_name="), "{text}");
        assert!(text.contains("\nprocess_cpu_time_seconds_total ") && text.contains("\nprocess_memory_usage_bytes "));
    }
}

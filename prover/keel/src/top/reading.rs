//! One answer of `/metrics`, reduced to the numbers of the screen, so that several of them fit into a bounded memory.

use std::collections::BTreeMap;
use std::time::Duration;

use super::exposition::{Exposition, Sample};
use super::families::{Families, METHOD, ROUTE, STATUS, is_of_admin};

/// The most routes that are kept; the requests of others are in the total alone.
pub(super) const MAX_ROUTES: usize = 1_000;
/// The most saturations that are kept.
const MAX_SATURATIONS: usize = 100;
/// The most buckets of a route that are kept.
const MAX_BUCKETS: usize = 500;

/// One answer, reduced.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// The time of the answer, since the start of `keel top`.
    pub(super) at: Duration,
    pub(super) families: Families,
    pub(super) total: Counts,
    pub(super) routes: BTreeMap<Route, Counts>,
    pub(super) process: Process,
    /// Shares of bounded resources in use, from 0 to 1, by name.
    pub(super) saturations: BTreeMap<String, f64>,
    /// The name and version of the service, where it tells them.
    pub(super) service: Option<String>,
    pub(super) active: Option<f64>,
    pub(super) series: usize,
    pub(super) left_out: usize,
}

/// A route and a method.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Route {
    pub(super) route: String,
    pub(super) method: String,
}

/// Counters of requests, all since the start of the service.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) requests: f64,
    /// Those answered with 500 and above.
    pub(super) errors: f64,
    /// Cumulative counts of durations by upper bound in seconds, ascending.
    pub(super) buckets: Vec<(f64, f64)>,
}

/// The process, as the conventions of Prometheus name its numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Process {
    /// Seconds of processor time since its start.
    pub(super) cpu: Option<f64>,
    /// Resident memory in bytes.
    pub(super) memory: Option<f64>,
    pub(super) descriptors: Option<f64>,
    pub(super) descriptors_limit: Option<f64>,
    pub(super) threads: Option<f64>,
    /// Seconds since its start.
    pub(super) uptime: Option<f64>,
}

impl Reading {
    /// Reduces an exposition that was taken at `at`; `now` is the time in seconds since 1970, for the age of the process.
    pub(super) fn of(exposition: &Exposition, at: Duration, now: f64) -> Self {
        let families = Families::of(exposition);
        let mut reading = Self {
            at,
            process: process(exposition, now),
            saturations: saturations(exposition),
            service: service(exposition),
            active: active(exposition),
            series: exposition.samples.len() + exposition.left_out,
            left_out: exposition.left_out,
            families,
            ..Self::default()
        };
        reading.count(exposition);
        reading
    }

    fn count(&mut self, exposition: &Exposition) {
        let Families { requests, durations } = self.families.clone();
        let buckets = durations.map(|name| format!("{name}_bucket"));
        for sample in exposition.samples.iter().filter(|sample| !is_of_admin(sample)) {
            if Some(&sample.name) == requests.as_ref() {
                let failed = sample.label(&STATUS).is_some_and(|status| status.starts_with('5'));
                self.add(sample, |counts| {
                    counts.requests += sample.value;
                    counts.errors += if failed { sample.value } else { 0.0 };
                });
            } else if Some(&sample.name) == buckets.as_ref()
                && let Some(bound) = sample.label(&["le"]).and_then(|bound| bound.parse().ok())
            {
                self.add(sample, |counts| counts.add_bucket(bound, sample.value));
            }
        }
    }

    fn add(&mut self, sample: &Sample, change: impl Fn(&mut Counts)) {
        change(&mut self.total);
        let text = |names: &[&str]| sample.label(names).unwrap_or_default().to_owned();
        let key = Route { route: text(&ROUTE), method: text(&METHOD) };
        if self.routes.len() < MAX_ROUTES || self.routes.contains_key(&key) {
            change(self.routes.entry(key).or_default());
        }
    }
}

impl Counts {
    fn add_bucket(&mut self, bound: f64, count: f64) {
        match self.buckets.binary_search_by(|(given, _)| given.total_cmp(&bound)) {
            Ok(at) => self.buckets[at].1 += count,
            Err(at) if self.buckets.len() < MAX_BUCKETS => self.buckets.insert(at, (bound, count)),
            Err(_) => {}
        }
    }

    /// The counts since `before`. A counter that is lower now began again, and counts from zero.
    pub(super) fn since(&self, before: Option<&Self>) -> Self {
        let Some(before) = before.filter(|before| before.requests <= self.requests) else { return self.clone() };
        let bucket = |(at, (bound, count)): (usize, &(f64, f64))| {
            let earlier = before.buckets.get(at).filter(|(given, _)| given == bound).map_or(0.0, |(_, count)| *count);
            (*bound, (count - earlier).max(0.0))
        };
        Self {
            requests: self.requests - before.requests,
            errors: (self.errors - before.errors).max(0.0),
            buckets: self.buckets.iter().enumerate().map(bucket).collect(),
        }
    }
}

/// Requests in flight, without that of `keel top` itself.
fn active(exposition: &Exposition) -> Option<f64> {
    let names = ["http_server_active_requests", "http_requests_in_flight", "http_requests_in_progress"];
    let of = |name: &&str| {
        let samples = exposition.named(name).filter(|sample| !is_of_admin(sample));
        samples.map(|sample| sample.value).reduce(|sum, value| sum + value)
    };
    names.iter().find_map(of)
}

fn process(exposition: &Exposition, now: f64) -> Process {
    let started = exposition.sum(&["process_start_time_seconds"]).filter(|started| *started > 0.0);
    Process {
        cpu: exposition.sum(&["process_cpu_seconds_total", "process_cpu_time_seconds_total"]),
        memory: exposition.sum(&["process_resident_memory_bytes", "process_memory_usage_bytes"]),
        descriptors: exposition.sum(&["process_open_fds", "process_open_file_descriptors"]),
        descriptors_limit: exposition.sum(&["process_max_fds"]),
        threads: exposition.sum(&["process_threads", "process_num_threads", "go_threads"]),
        uptime: exposition.sum(&["process_uptime_seconds"]).or(started.map(|started| (now - started).max(0.0))),
    }
}

fn service(exposition: &Exposition) -> Option<String> {
    let info = exposition.named("target_info").next();
    let build = || exposition.samples.iter().find(|sample| sample.name.ends_with("_build_info"));
    if let Some(name) = info.and_then(|info| info.label(&["service_name"])) {
        let version = info.and_then(|info| info.label(&["service_version"])).unwrap_or_default();
        return Some(format!("{name} {version}").trim_end().to_owned());
    }
    let build = build()?;
    Some(format!("{} {}", build.name.trim_end_matches("_build_info"), build.label(&["version"]).unwrap_or_default()))
}

/// Shares that the service tells, and each number beside its limit: `NAME` and `NAME_limit`, `process_open_fds` and `process_max_fds`.
fn saturations(exposition: &Exposition) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    let mut add = |name: String, share: f64| {
        if share.is_finite() && (found.len() < MAX_SATURATIONS || found.contains_key(&name)) {
            found.insert(name, share);
        }
    };
    for sample in exposition.named("saturation_ratio") {
        add(sample.label(&["resource"]).unwrap_or("service").to_owned(), sample.value);
    }
    if let Some(used) = exposition.sum(&["nodejs_eventloop_utilization"]) {
        add("event loop".to_owned(), used);
    }
    let process = process(exposition, 0.0);
    if let (Some(open), Some(limit)) = (process.descriptors, process.descriptors_limit) {
        add("descriptors".to_owned(), open / limit);
    }
    for limit in exposition.samples.iter().filter(|sample| sample.value > 0.0 && !is_of_admin(sample)) {
        let Some(name) = limit.name.strip_suffix("_limit") else { continue };
        let same = |sample: &&Sample| sample.labels == limit.labels;
        if let Some(used) = exposition.named(name).find(same) {
            let labels: String = limit.labels.iter().map(|(_, value)| format!(" {value}")).collect();
            add(format!("{}{labels}", name.replace('_', " ")), used.value / limit.value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(text: &str) -> Reading {
        Reading::of(&Exposition::parse(text), Duration::ZERO, 1_000.0)
    }

    #[test]
    fn errors_are_answers_of_500_and_above_by_route_and_method() {
        let found = reading(
            "http_requests_total{route=\"/a\",method=\"GET\",status=\"200\"} 7\nhttp_requests_total{route=\"/a\",method=\"GET\",status=\"503\"} 2\n\
             http_requests_total{route=\"/a\",method=\"POST\",status=\"404\"} 5\n",
        );
        let routes: Vec<_> =
            found.routes.iter().map(|(key, counts)| (key.method.as_str(), counts.requests, counts.errors)).collect();
        assert_eq!(routes, [("GET", 9.0, 2.0), ("POST", 5.0, 0.0)]);
        assert_eq!((found.total.requests, found.total.errors), (14.0, 2.0));
    }

    #[test]
    fn answers_of_the_admin_listener_are_no_traffic() {
        let found = reading(
            "http_server_requests_total{listener=\"admin\",http_route=\"/metrics\",http_response_status_code=\"2xx\"} 7\n\
             http_server_requests_total{listener=\"public\",http_route=\"/a\",http_response_status_code=\"5xx\"} 2\n\
             http_server_active_requests{listener=\"admin\"} 1\nhttp_server_active_requests{listener=\"public\"} 0\n",
        );
        assert_eq!(found.active, Some(0.0));
        assert_eq!((found.total.requests, found.total.errors, found.routes.len()), (2.0, 2.0, 1));
    }

    #[test]
    fn the_process_and_what_is_bounded_are_read_by_either_convention() {
        let found = reading(
            "process_cpu_seconds_total 3.5\nprocess_resident_memory_bytes 1000\nprocess_open_fds 10\nprocess_max_fds 40\n\
             process_start_time_seconds 990\nhttp_listener_connections{listener=\"public\"} 5\nhttp_listener_connections_limit{listener=\"public\"} 20\n\
             saturation_ratio{resource=\"requests\"} 0.5\nprometheus_build_info{version=\"2.42\"} 1\n",
        );
        assert_eq!((found.process.cpu, found.process.uptime), (Some(3.5), Some(10.0)));
        let expected = [("descriptors", 0.25), ("http listener connections public", 0.25), ("requests", 0.5)];
        assert_eq!(found.saturations, expected.map(|(name, share)| (name.to_owned(), share)).into());
        assert_eq!(found.service.as_deref(), Some("prometheus 2.42"));
    }

    #[test]
    fn routes_over_the_bound_count_in_the_total_alone() {
        let text: String =
            (0..MAX_ROUTES + 5).map(|n| format!("http_requests_total{{path=\"/{n}\",code=\"200\"}} 1\n")).collect();
        let found = reading(&text);
        assert_eq!((found.routes.len(), found.total.requests), (MAX_ROUTES, (MAX_ROUTES + 5) as f64));
    }

    #[test]
    fn a_counter_that_began_again_counts_from_zero() {
        let counts = |requests, buckets: &[(f64, f64)]| Counts { requests, errors: 0.0, buckets: buckets.to_vec() };
        let (before, after) = (counts(10.0, &[(1.0, 10.0)]), counts(12.0, &[(1.0, 11.0), (2.0, 12.0)]));
        assert_eq!(after.since(Some(&before)), counts(2.0, &[(1.0, 1.0), (2.0, 12.0)]));
        assert_eq!(before.since(Some(&after)), before);
        assert_eq!(after.since(None), after);
    }
}

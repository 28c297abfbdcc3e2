//! The families of an exposition that count the requests of its server and measure their durations. Names differ from one library to
//! the next, so families are recognized by their words and their labels.

use std::collections::BTreeMap;

use super::exposition::{Exposition, Sample};

/// Labels with the route of a request, the usual ones first.
pub(super) const ROUTE: [&str; 7] = ["http_route", "route", "handler", "path", "uri", "endpoint", "url"];
/// Labels with its method.
pub(super) const METHOD: [&str; 3] = ["http_request_method", "method", "http_method"];
/// Labels with the status of its answer.
pub(super) const STATUS: [&str; 5] = ["http_response_status_code", "status_code", "status", "http_status_code", "code"];

/// Words in the names of families about something other than requests that came in.
const OTHER: [&str; 10] =
    ["client", "size", "bytes", "flight", "listener", "active", "rules", "admission", "bulkhead", "scrape"];

/// The families of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Families {
    /// The counter of requests: a counter of its own, or the count of a histogram.
    pub(super) requests: Option<String>,
    /// The histogram of durations, without `_bucket`.
    pub(super) durations: Option<String>,
}

#[derive(Default)]
struct Seen {
    series: usize,
    route: bool,
    status: bool,
}

impl Families {
    /// The best ones of the exposition.
    pub(super) fn of(exposition: &Exposition) -> Self {
        let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
        for sample in exposition.samples.iter().filter(|sample| is_of_requests(&sample.name)) {
            let found = seen.entry(&sample.name).or_default();
            found.series += 1;
            found.route |= sample.label(&ROUTE).is_some();
            found.status |= sample.label(&STATUS).is_some();
        }
        let durations = best(&seen, |name| name.strip_suffix("_bucket").filter(|base| is_duration(base)));
        // The count of a histogram counts requests as well, and often with the status.
        let requests = best(&seen, |name| {
            let of_durations = name.strip_suffix("_count").is_some_and(is_duration);
            (name.ends_with("_requests_total") || name.ends_with("_requests_count") || of_durations).then_some(name)
        });
        Self { requests, durations }
    }
}

/// True for a series of the admin listener of a service that labels both: its routes are those that `keel top` itself asks.
pub(super) fn is_of_admin(sample: &Sample) -> bool {
    sample.label(&["listener"]) == Some("admin")
}

fn is_of_requests(name: &str) -> bool {
    (name.contains("http") || name.contains("request")) && !OTHER.iter().any(|word| name.contains(word))
}

fn is_duration(name: &str) -> bool {
    ["duration", "latency", "seconds"].iter().any(|word| name.contains(word))
}

/// The name with the most of what is needed; the part of it that `take` returns.
fn best<'a>(seen: &BTreeMap<&'a str, Seen>, take: impl Fn(&'a str) -> Option<&'a str>) -> Option<String> {
    let candidates = seen.iter().filter_map(|(name, found)| Some((take(name)?, found)));
    let score = |(name, found): &(&str, &Seen)| {
        let words = usize::from(name.contains("http")) + usize::from(name.contains("server"));
        let total = usize::from(name.ends_with("_total"));
        (8 * usize::from(found.route) + 4 * usize::from(found.status) + 2 * words + total, found.series)
    };
    candidates.max_by_key(score).map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families(text: &str) -> (Option<String>, Option<String>) {
        let families = Families::of(&Exposition::parse(text));
        (families.requests, families.durations)
    }

    fn named(requests: &str, durations: &str) -> (Option<String>, Option<String>) {
        (Some(requests.to_owned()), Some(durations.to_owned()))
    }

    #[test]
    fn those_of_semantic_conventions_are_found_beside_calls_and_sizes() {
        let text = "http_server_requests_total{http_route=\"/\",http_response_status_code=\"2xx\"} 1\n\
                    http_server_request_duration_seconds_bucket{http_route=\"/\",le=\"1\"} 1\n\
                    http_server_request_duration_seconds_count{http_route=\"/\"} 1\n\
                    http_client_request_duration_seconds_bucket{http_route=\"/\",le=\"1\"} 1\n\
                    http_listener_requests_refused_total{listener=\"public\"} 1\n";
        assert_eq!(families(text), named("http_server_requests_total", "http_server_request_duration_seconds"));
    }

    #[test]
    fn those_of_prometheus_itself_are_found() {
        let text = "prometheus_http_requests_total{code=\"200\",handler=\"/metrics\"} 1\n\
                    prometheus_http_request_duration_seconds_bucket{handler=\"/metrics\",le=\"1\"} 1\n\
                    prometheus_http_response_size_bytes_bucket{handler=\"/metrics\",le=\"1\"} 1\n\
                    promhttp_metric_handler_requests_total{code=\"200\"} 1\n";
        assert_eq!(families(text), named("prometheus_http_requests_total", "prometheus_http_request_duration_seconds"));
    }

    #[test]
    fn the_count_of_a_histogram_counts_where_nothing_else_does() {
        let text = "http_request_duration_seconds_bucket{method=\"GET\",route=\"/\",status_code=\"200\",le=\"1\"} 1\n\
                    http_request_duration_seconds_count{method=\"GET\",route=\"/\",status_code=\"200\"} 1\n\
                    nodejs_eventloop_lag_seconds 0.1\n";
        assert_eq!(families(text), named("http_request_duration_seconds_count", "http_request_duration_seconds"));
    }

    #[test]
    fn a_process_without_requests_has_none() {
        assert_eq!(families("process_cpu_seconds_total 1\ngo_goroutines 7\n"), (None, None));
    }
}

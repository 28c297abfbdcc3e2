//! The latencies of a specimen: a histogram by route, well or with one flaw.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the buckets, in seconds.
const BOUNDS: [&str; 10] = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"];
/// The same, too few.
const FEW: [&str; 2] = ["1", "+Inf"];

/// Form of the latencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    #[default]
    Histogram,
    /// A histogram with one bound, at a second.
    OneBound,
    /// A histogram of the time before the handler is called.
    TooEarly,
    /// Quantiles of all requests since the start.
    SinceStart,
}

/// Latencies by route.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    by_route: Mutex<BTreeMap<String, Vec<f64>>>,
}

impl Latencies {
    pub(super) fn record(&self, route: &str, took: Duration) {
        let mut routes = self.by_route.lock().unwrap_or_else(PoisonError::into_inner);
        routes.entry(route.to_owned()).or_default().push(took.as_secs_f64());
    }

    /// The number of all of them.
    pub(super) fn count(&self) -> usize {
        self.by_route.lock().unwrap_or_else(PoisonError::into_inner).values().map(Vec::len).sum()
    }

    /// The lines of the exposition.
    pub(super) fn text(&self, form: Form) -> String {
        let name = "http_request_duration_seconds";
        let kind = if form == Form::SinceStart { "summary" } else { "histogram" };
        let mut text = format!("# TYPE {name} {kind}\n");
        for (route, times) in &*self.by_route.lock().unwrap_or_else(PoisonError::into_inner) {
            let bounds = if form == Form::OneBound { &FEW[..] } else { &BOUNDS };
            let within = |bound: &str| {
                let bound: f64 = bound.parse().unwrap_or(f64::INFINITY);
                times.iter().filter(|time| form == Form::TooEarly || **time <= bound).count()
            };
            if form == Form::SinceStart {
                let mut sorted = times.clone();
                sorted.sort_by(f64::total_cmp);
                let half = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
                text.push_str(&format!("{name}{{route=\"{route}\",quantile=\"0.5\"}} {half}\n"));
            } else {
                for bound in bounds {
                    text.push_str(&format!("{name}_bucket{{route=\"{route}\",le=\"{bound}\"}} {}\n", within(bound)));
                }
            }
            text.push_str(&format!("{name}_sum{{route=\"{route}\"}} {}\n", times.iter().sum::<f64>()));
            text.push_str(&format!("{name}_count{{route=\"{route}\"}} {}\n", times.len()));
        }
        text
    }
}

//! A lock-free histogram of durations with exponential buckets.
//!
//! It can be written as an exponential histogram of OpenTelemetry, a native histogram of Prometheus, and a classic histogram with
//! bounds at powers of two, all without loss. Recording is two relaxed atomic additions and never waits.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::TraceContext;
use crate::exponential::{self, COUNT};
use crate::snapshot::{CLASSIC_BOUNDS, Exemplar, HistogramSnapshot, classic_bucket};

/// A longer duration counts as this: 18 hours.
const LONGEST: Duration = Duration::from_secs(1 << exponential::LARGEST_EXPONENT);

/// Counts of durations.
pub struct Histogram {
    slots: Box<[AtomicU64]>,
    nanos: AtomicU64,
    /// The last sampled duration of each classic bucket; made by the first.
    exemplars: Mutex<Option<Box<Exemplars>>>,
}

type Exemplars = [Option<Exemplar>; CLASSIC_BOUNDS + 1];

impl Histogram {
    /// An empty histogram; 4.5 KiB.
    pub fn new() -> Self {
        let slots = (0..COUNT).map(|_| AtomicU64::new(0)).collect();
        Self { slots, nanos: AtomicU64::new(0), exemplars: Mutex::new(None) }
    }

    /// Counts one duration; one longer than 18 hours counts as 18 hours.
    pub fn record(&self, duration: Duration) {
        self.slots[exponential::index(duration)].fetch_add(1, Ordering::Relaxed);
        let duration = duration.min(LONGEST);
        let nanos = duration.as_secs() * 1_000_000_000 + u64::from(duration.subsec_nanos());
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Counts one duration, and keeps a sampled trace as the exemplar of its bucket. Where another thread writes an exemplar at the same
    /// time, this one is left out.
    pub fn record_traced(&self, duration: Duration, trace: &TraceContext) {
        self.record(duration);
        if trace.is_sampled()
            && let Ok(mut kept) = self.exemplars.try_lock()
        {
            let exemplar = Exemplar { trace: *trace, duration, at: SystemTime::now() };
            kept.get_or_insert_default()[classic_bucket(duration)] = Some(exemplar);
        }
    }

    /// The counts now. Recordings under way may be in the counts and not yet in the sum.
    pub fn snapshot(&self) -> HistogramSnapshot {
        let used = |(index, slot): (usize, &AtomicU64)| {
            let count = slot.load(Ordering::Relaxed);
            (count > 0).then_some((index as u16, count))
        };
        let slots = self.slots.iter().enumerate().filter_map(used).collect();
        let exemplars = self
            .exemplars
            .lock()
            .ok()
            .and_then(|kept| kept.as_ref().map(|kept| kept.iter().flatten().copied().collect()));
        HistogramSnapshot::new(slots, self.nanos.load(Ordering::Relaxed), exemplars.unwrap_or_default())
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Histogram").field("count", &self.snapshot().count()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_duration_is_counted_as_eighteen_hours() {
        let histogram = Histogram::new();
        histogram.record(Duration::MAX);
        assert_eq!(histogram.snapshot().count(), 1);
        assert_eq!(histogram.snapshot().sum(), Duration::from_secs(65_536));
    }

    #[test]
    fn a_sampled_trace_is_the_exemplar_of_its_bucket_and_one_that_is_not_sampled_is_none() {
        let histogram = Histogram::new();
        let sampled: TraceContext = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap();
        histogram.record_traced(Duration::from_millis(3), &TraceContext::new());
        assert_eq!(histogram.snapshot().exemplars(), []);
        histogram.record_traced(Duration::from_millis(3), &sampled);
        histogram.record_traced(Duration::from_millis(900), &sampled);
        let exemplars: Vec<Duration> = histogram.snapshot().exemplars().iter().map(|one| one.duration).collect();
        assert_eq!(exemplars, [Duration::from_millis(3), Duration::from_millis(900)]);
    }
}

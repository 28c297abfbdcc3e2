//! A lock-free histogram of durations with exponential buckets.
//!
//! It can be written as an exponential histogram of OpenTelemetry, a native histogram of Prometheus, and a classic histogram with
//! bounds at powers of two, all without loss. Recording is two relaxed atomic additions and never waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use crate::TraceContext;
use crate::exponential::{self, COUNT};
use crate::snapshot::{Exemplar, HistogramSnapshot, classic_bucket};

/// A longer duration counts as this: 18 hours.
const LONGEST: Duration = Duration::from_secs(1 << exponential::LARGEST_EXPONENT);
/// Buckets of a page: two powers of two.
const PAGE: usize = 32;
const PAGES: usize = COUNT.div_ceil(PAGE);

type Page = [AtomicU64; PAGE];

/// Counts of durations.
pub struct Histogram {
    /// Each made by the first duration in it: those of one route seldom need more than four.
    pages: [OnceLock<Box<Page>>; PAGES],
    nanos: AtomicU64,
    /// The last sampled duration of each classic bucket that has one, the shortest first.
    exemplars: Mutex<Vec<Exemplar>>,
}

impl Histogram {
    /// An empty histogram of 0.4 KiB. Durations between two powers of four add 0.3 KiB with the first of them, up to 5.3 KiB in all; exemplars 64 bytes each.
    pub const fn new() -> Self {
        Self { pages: [const { OnceLock::new() }; PAGES], nanos: AtomicU64::new(0), exemplars: Mutex::new(Vec::new()) }
    }

    /// Counts one duration; one longer than 18 hours counts as 18 hours.
    pub fn record(&self, duration: Duration) {
        let index = exponential::index(duration);
        let page = self.pages[index / PAGE].get_or_init(|| Box::new([const { AtomicU64::new(0) }; PAGE]));
        page[index % PAGE].fetch_add(1, Ordering::Relaxed);
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
            let bucket = classic_bucket(duration);
            match kept.binary_search_by_key(&bucket, |known| classic_bucket(known.duration)) {
                Ok(at) => kept[at] = exemplar,
                Err(at) => {
                    kept.reserve_exact(1);
                    kept.insert(at, exemplar);
                }
            }
        }
    }

    /// The counts now. Recordings under way may be in the counts and not yet in the sum.
    pub fn snapshot(&self) -> HistogramSnapshot {
        let pages = self.pages.iter().enumerate().filter_map(|(number, page)| Some((number * PAGE, page.get()?)));
        let slots = pages.flat_map(|(first, page)| {
            page.iter().enumerate().filter_map(move |(index, slot)| {
                let count = slot.load(Ordering::Relaxed);
                (count > 0).then_some(((first + index) as u16, count))
            })
        });
        let exemplars = self.exemplars.lock().map(|kept| kept.clone());
        HistogramSnapshot::new(slots.collect(), self.nanos.load(Ordering::Relaxed), exemplars.unwrap_or_default())
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
    fn durations_of_all_pages_are_counted_each_in_its_bucket() {
        let histogram = Histogram::new();
        let bounds = (0..COUNT).map(|index| Duration::from_secs_f64(exponential::bound(index) * 0.99));
        let bounds: Vec<Duration> = bounds.collect();
        bounds.iter().for_each(|duration| histogram.record(*duration));
        let expected: Vec<(usize, u64)> = (0..COUNT).map(|index| (index, 1)).collect();
        assert_eq!(histogram.snapshot().buckets().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn similar_durations_take_little_memory() {
        let histogram = Histogram::new();
        (1..1000).for_each(|micros| histogram.record(Duration::from_millis(2) + Duration::from_micros(micros)));
        let made = histogram.pages.iter().filter(|page| page.get().is_some()).count();
        assert!(made <= 2, "{made} pages");
        assert!(size_of::<Histogram>() <= 400, "{} bytes", size_of::<Histogram>());
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

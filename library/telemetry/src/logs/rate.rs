//! Rate limit of each callsite: a loop that logs must not fill the disk or hide other lines.
//!
//! A token bucket as GCRA: one number a callsite says when its bucket will be full again.

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::Metadata;

/// Lines of one callsite in a second, on average.
pub const CALLSITE_RATE: u32 = 10;
/// Lines of one callsite at once.
pub const CALLSITE_BURST: u32 = 100;

/// Callsites with a rate of their own; further ones share the last.
const CALLSITES: usize = 1024;
/// Places that are looked at for a callsite.
const TRIES: usize = 16;

/// The rates of all callsites.
#[derive(Debug)]
pub(super) struct Rates {
    started: Instant,
    callsites: Box<[Callsite]>,
}

#[derive(Debug, Default)]
struct Callsite {
    metadata: OnceLock<&'static Metadata<'static>>,
    /// Microseconds after the start at which the bucket is full.
    full_at: AtomicU64,
    suppressed: AtomicU64,
}

impl Rates {
    pub(super) fn new(now: Instant) -> Self {
        Self { started: now, callsites: (0..CALLSITES).map(|_| Callsite::default()).collect() }
    }

    /// Admits a line, with the number of lines of the callsite that were suppressed since the last one; `None` suppresses it too.
    pub(super) fn admit(&self, metadata: &'static Metadata<'static>, now: Instant) -> Option<u64> {
        let callsite = self.callsite(metadata);
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let now = micros(now.saturating_duration_since(self.started));
        let line = 1_000_000 / u64::from(CALLSITE_RATE);
        let take = |full_at: u64| {
            let next = full_at.max(now) + line;
            (next - now <= line * u64::from(CALLSITE_BURST)).then_some(next)
        };
        match callsite.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) if callsite.suppressed.load(Ordering::Relaxed) == 0 => Some(0),
            Ok(_) => Some(callsite.suppressed.swap(0, Ordering::Relaxed)),
            Err(_) => {
                callsite.suppressed.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// Takes the numbers of suppressed lines that no line has told yet.
    pub(super) fn take_suppressed(&self) -> Vec<(&'static Metadata<'static>, u64)> {
        let untold = |callsite: &Callsite| {
            let metadata = callsite.metadata.get()?;
            (callsite.suppressed.load(Ordering::Relaxed) > 0)
                .then(|| (*metadata, callsite.suppressed.swap(0, Ordering::Relaxed)))
        };
        self.callsites.iter().filter_map(untold).collect()
    }

    fn callsite(&self, metadata: &'static Metadata<'static>) -> &Callsite {
        // Metadata is static and has an alignment of 8 bytes.
        let first = ptr::from_ref(metadata).addr() / 8;
        let mut last = &self.callsites[0];
        for place in first..first + TRIES {
            last = &self.callsites[place % CALLSITES];
            if ptr::eq(*last.metadata.get_or_init(|| metadata), metadata) {
                return last;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The metadata of one callsite.
    fn metadata() -> &'static Metadata<'static> {
        use tracing::Callsite as _;
        struct Here;
        impl tracing::Callsite for Here {
            fn set_interest(&self, _interest: tracing::subscriber::Interest) {}
            fn metadata(&self) -> &Metadata<'_> {
                &HERE
            }
        }
        static SITE: Here = Here;
        static HERE: Metadata<'static> = tracing::metadata! {
            name: "here",
            target: "here",
            level: tracing::Level::INFO,
            fields: &[],
            callsite: &SITE,
            kind: tracing::metadata::Kind::EVENT
        };
        assert_eq!(SITE.metadata().name(), "here");
        &HERE
    }

    #[test]
    fn lines_over_the_rate_are_counted_and_the_next_line_has_their_number() {
        let (start, metadata) = (Instant::now(), metadata());
        let rates = Rates::new(start);
        let admitted = (0..150).filter(|_| rates.admit(metadata, start).is_some()).count();
        assert_eq!(admitted, CALLSITE_BURST as usize);
        let later = start + Duration::from_secs(1);
        assert_eq!(rates.admit(metadata, later), Some(50));
        let admitted = (0..50).filter(|_| rates.admit(metadata, later).is_some()).count();
        assert_eq!(admitted, CALLSITE_RATE as usize - 1);
        assert_eq!(rates.take_suppressed().iter().map(|(_, lines)| *lines).sum::<u64>(), 41);
        assert!(rates.take_suppressed().is_empty());
    }
}

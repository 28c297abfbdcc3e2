//! Counts of one route: answers by method and class of status, and durations by outcome.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use vitals::{Histogram, HistogramSnapshot, TraceContext};

/// Methods with counts of their own.
pub(crate) const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "_OTHER"];
/// The classes of status, and one for requests that ended without an answer.
const CLASSES: usize = 6;
/// The slot of requests that ended without an answer.
const CANCELLED: usize = CLASSES - 1;
/// The class of refusals: 5xx.
const REFUSED: usize = 4;

/// The value of `error_type` where the service failed, as OpenTelemetry has it: the status; here its class.
const FAILED_ERROR: &str = "5xx";
/// The value of `error_type` where the client left.
const CANCELLED_ERROR: &str = "cancelled";

/// The place of a method among [`METHODS`].
pub(crate) fn slot(method: &str) -> usize {
    METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1)
}

/// The labels' texts, made once: a scrape shows them in thousands of rows.
static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts {
    methods: METHODS.map(Arc::from),
    classes: ["1xx", "2xx", "3xx", "4xx", "5xx", ""].map(Arc::from),
    no_error: Arc::from(""),
    failed: Arc::from(FAILED_ERROR),
    cancelled: Arc::from(CANCELLED_ERROR),
});

struct Texts {
    methods: [Arc<str>; METHODS.len()],
    classes: [Arc<str>; CLASSES],
    no_error: Arc<str>,
    failed: Arc<str>,
    cancelled: Arc<str>,
}

/// One route's counts, a slot a method.
#[derive(Debug)]
pub(crate) struct Route {
    name: Arc<str>,
    methods: [OnceLock<Box<Counts>>; METHODS.len()],
}

/// Counts of one method. Durations of failures are apart: fast failures would improve the percentiles.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    classes: [AtomicU64; CLASSES],
    answered: Histogram,
    failed: OnceLock<Box<Histogram>>,
    cancelled: OnceLock<Box<Histogram>>,
}

impl Route {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.into(), methods: Default::default() }
    }

    /// The pattern.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The pattern, shared.
    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    /// Makes the counts of a method, at zero.
    pub(crate) fn declare(&self, method: &str) {
        self.counts(method);
    }

    fn counts(&self, method: &str) -> &Counts {
        self.methods[slot(method)].get_or_init(Box::default)
    }

    /// Counts one answer; none: the request was cancelled.
    pub(crate) fn count(&self, method: &Method, status: Option<StatusCode>, duration: Duration, trace: &TraceContext) {
        let counts = self.counts(method.as_str());
        let class = status.map_or(CANCELLED, |status| usize::from(status.as_u16() / 100).clamp(1, CANCELLED) - 1);
        counts.classes[class].fetch_add(1, Ordering::Relaxed);
        let durations = match class {
            CANCELLED => counts.cancelled.get_or_init(Box::default),
            REFUSED => counts.failed.get_or_init(Box::default),
            _ => &counts.answered,
        };
        durations.record_traced(duration, trace);
    }

    /// Counts a refusal without a duration.
    pub(crate) fn count_refused(&self, method: &Method) {
        self.counts(method.as_str()).classes[REFUSED].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts of the methods that are declared or were used.
    pub(crate) fn known(&self) -> impl Iterator<Item = (&'static Arc<str>, &Counts)> {
        TEXTS.methods.iter().zip(&self.methods).filter_map(|(method, counts)| Some((method, &**counts.get()?)))
    }
}

impl Counts {
    /// Requests by class of status and type of error, each class from zero on.
    pub(crate) fn requests(&self) -> impl Iterator<Item = (&'static Arc<str>, &'static Arc<str>, u64)> {
        let error = |slot| match slot {
            REFUSED => &TEXTS.failed,
            CANCELLED => &TEXTS.cancelled,
            _ => &TEXTS.no_error,
        };
        let classes = TEXTS.classes.iter().zip(&self.classes).enumerate();
        classes.map(move |(slot, (class, count))| (class, error(slot), count.load(Ordering::Relaxed)))
    }

    /// Durations by type of error.
    pub(crate) fn durations(&self) -> [(&'static Arc<str>, HistogramSnapshot); 3] {
        let of = |made: &OnceLock<Box<Histogram>>| made.get().map(|made| made.snapshot()).unwrap_or_default();
        [
            (&TEXTS.no_error, self.answered.snapshot()),
            (&TEXTS.failed, of(&self.failed)),
            (&TEXTS.cancelled, of(&self.cancelled)),
        ]
    }
}

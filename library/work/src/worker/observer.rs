//! The observer of attempts: it sees their ends with their times.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A function of the kind of a job, whether its attempt failed, and the time from the moment at which the job was due.
type Observe = Arc<dyn Fn(&str, bool, Duration) + Send + Sync>;

/// Observes the ends of attempts; does nothing by default. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Observe>);

impl Observer {
    pub(crate) fn new(observe: impl Fn(&str, bool, Duration) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observe)))
    }

    /// Passes on the end of an attempt.
    pub(crate) fn ended(&self, kind: &str, failed: bool, took: Duration) {
        if let Some(observe) = &self.0 {
            observe(kind, failed, took);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.0.is_some()).finish()
    }
}

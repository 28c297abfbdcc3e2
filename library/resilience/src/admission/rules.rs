//! Rules of a gate and of its routes.

use std::time::Duration;

use crate::invalid::InvalidRules;
use crate::setters::setters;

/// The default latency objective of a route.
pub const OBJECTIVE: Duration = Duration::from_millis(500);
/// The longest objective.
pub const MAX_OBJECTIVE: Duration = Duration::from_secs(3600);
/// The most cores that a gate reckons with.
pub const MAX_CORES: u32 = 1024;

/// Rules of a gate. The objective is the only setting; everything else is learnt from the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdmissionRules {
    /// Latency objective of requests whose route has none, from 1 ms to [`MAX_OBJECTIVE`].
    pub objective: Duration,
    /// Threads that execute requests, from 1 to [`MAX_CORES`]: the global limit never falls below twice this number.
    pub cores: u32,
}

setters!(AdmissionRules: set { objective: Duration, cores: u32 } turn {});

impl Default for AdmissionRules {
    /// An objective of 500 ms, and the processors that this process may use.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        Self { objective: OBJECTIVE, cores: cores.clamp(1, MAX_CORES) }
    }
}

impl AdmissionRules {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        if !(1..=MAX_CORES).contains(&self.cores) {
            return Err(InvalidRules::Threads { threads: self.cores, most: MAX_CORES });
        }
        check_objective(self.objective)
    }
}

/// Rules of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteRules {
    /// Latency objective: the time from the arrival of a request to the end of its answer, from 1 ms to [`MAX_OBJECTIVE`].
    pub objective: Duration,
}

setters!(RouteRules: set { objective: Duration } turn {});

impl Default for RouteRules {
    /// An objective of 500 ms.
    fn default() -> Self {
        Self { objective: OBJECTIVE }
    }
}

impl RouteRules {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        check_objective(self.objective)
    }
}

fn check_objective(objective: Duration) -> Result<(), InvalidRules> {
    if objective < Duration::from_millis(1) || objective > MAX_OBJECTIVE {
        return Err(InvalidRules::Objective { objective, most: MAX_OBJECTIVE });
    }
    Ok(())
}

//! One thing that may accumulate, sampled over time, and what its trend says.

use super::slope::{median, theil_sen};

/// Part of the samples that is warm-up: the first third.
const WARM_UP: usize = 3;
/// Fewer samples after the warm-up say nothing.
const FEWEST: usize = 8;
/// The slope of the last half against that of the whole, from which growth goes on rather than settles.
const GOES_ON: f64 = 0.5;
/// Ratio of memory given back at once to the rise, from which something recycles: a cache that is swept, a heap that is collected.
const RECYCLES: f64 = 0.5;

/// Sampled resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Resident memory in bytes.
    Memory,
    /// Open descriptors.
    Descriptors,
    /// Threads.
    Threads,
    /// Bytes of the blocks of files in the folders of data.
    Disk,
    /// Files and folders in them.
    Files,
}

/// Trend of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trend {
    /// It does not rise.
    Flat,
    /// It rises, so little or so much more slowly at the end that a cache, a pool or a collector explains it, or falls back
    /// between.
    Doubtful,
    /// It rises beyond the limit and goes on.
    Rising,
}

/// The trend of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    pub(crate) kind: Kind,
    pub(crate) trend: Trend,
    /// The median after the warm-up.
    level: f64,
    /// For each second after the warm-up.
    slope: f64,
    /// A rise for each second that these samples would not show.
    unseen: f64,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Memory, Self::Descriptors, Self::Threads, Self::Disk, Self::Files];

    /// Returns true if it is about the folders of data.
    pub(crate) fn is_of_data(self) -> bool {
        matches!(self, Self::Disk | Self::Files)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Memory => "resident memory",
            Self::Descriptors => "open descriptors",
            Self::Threads => "threads",
            Self::Disk => "data on disk",
            Self::Files => "files of data",
        }
    }

    /// A rise after the warm-up below which it is flat, at this level: pages and connections come and go.
    fn noise(self, level: f64) -> f64 {
        match self {
            Self::Memory => (0.02 * level).max(1024.0 * 1024.0),
            Self::Descriptors | Self::Threads => 3.0,
            Self::Disk => 64.0 * 1024.0,
            Self::Files => 8.0,
        }
    }

    /// A rise after the warm-up from which it falls short. Memory must grow by two
    /// thirds of what it was: the heap of a runtime that collects garbage
    /// rises too, until its first collection.
    fn limit(self, level: f64) -> f64 {
        match self {
            Self::Memory => (0.5 * level).max(8.0 * 1024.0 * 1024.0),
            Self::Descriptors => 16.0,
            Self::Threads => 8.0,
            Self::Disk => 16.0 * 1024.0 * 1024.0,
            Self::Files => 128.0,
        }
    }

    /// The least rise that a sample can show.
    fn step(self) -> f64 {
        match self {
            Self::Memory | Self::Disk => 4096.0,
            Self::Descriptors | Self::Threads | Self::Files => 1.0,
        }
    }

    fn shown(self, amount: f64) -> String {
        match self {
            Self::Memory | Self::Disk => format!("{:.1} MiB", amount / (1024.0 * 1024.0)),
            Self::Descriptors | Self::Threads | Self::Files => format!("{amount:.0}"),
        }
    }
}

impl Measure {
    /// Of samples `(seconds, amount)` in order. None when there are too few.
    pub(crate) fn of(kind: Kind, samples: &[(f64, f64)]) -> Option<Self> {
        let warm = &samples[samples.len() / WARM_UP..];
        let (first, last) = (warm.first()?, warm.last()?);
        if warm.len() < FEWEST {
            return None;
        }
        let level = median(warm.iter().map(|(_, amount)| *amount).collect());
        let slope = theil_sen(warm);
        let goes_on = theil_sen(&warm[warm.len() / 2..]) >= GOES_ON * slope;
        let lasted = last.0 - first.0;
        let rise = slope * lasted;
        // The middle half of the samples: outliers come and go, and hide nothing that goes on.
        let spread = spread(warm.iter().map(|(_, amount)| *amount).collect());
        let unseen = spread.max(kind.step()) / lasted.max(f64::MIN_POSITIVE);
        let trend = if rise < kind.noise(level) {
            Trend::Flat
        } else if rise >= kind.limit(level) && goes_on && largest_fall(warm) < RECYCLES * rise {
            Trend::Rising
        } else {
            Trend::Doubtful
        };
        Some(Self { kind, trend, level, slope, unseen })
    }

    /// Returns the rise in an hour of this load that these samples could hide, if it is as much as falls short: then a
    /// trend that is flat says too little.
    pub(crate) fn too_coarse(&self) -> Option<String> {
        let an_hour = 3600.0 * self.unseen;
        (an_hour >= self.kind.limit(self.level)).then(|| self.kind.shown(an_hour))
    }

    /// Describes the samples, with the slope carried on for an hour.
    pub(crate) fn told(&self) -> String {
        let (kind, an_hour) = (self.kind, 3600.0 * self.slope);
        let (name, level) = (kind.name(), kind.shown(self.level));
        match self.trend {
            Trend::Flat => format!("{name} stays at {level}"),
            Trend::Doubtful => format!("{name} at {level} rises by {} in an hour of this load", kind.shown(an_hour)),
            Trend::Rising => format!("{name} at {level} keeps rising: {} in an hour of this load", kind.shown(an_hour)),
        }
    }
}

/// The distance of the quarters of these values.
fn spread(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |part: usize| values.get(values.len() * part / 4).copied().unwrap_or_default();
    at(3) - at(1)
}

/// From the highest amount so far to a later one, at most.
fn largest_fall(points: &[(f64, f64)]) -> f64 {
    let (mut highest, mut fall) = (f64::MIN, 0.0_f64);
    for (_, amount) in points {
        highest = highest.max(*amount);
        fall = fall.max(highest - amount);
    }
    fall
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;
    use crate::subject::SOAK;

    fn trend(kind: Kind, amount: impl Fn(f64) -> f64) -> Trend {
        let samples: Vec<(f64, f64)> = (0..60).map(|at| (f64::from(at) / 2.0, amount(f64::from(at) / 2.0))).collect();
        Measure::of(kind, &samples).unwrap().trend
    }

    #[test]
    fn a_rise_during_warm_up_alone_is_flat() {
        assert_eq!(trend(Kind::Descriptors, |at| 10.0 + 40.0 * at.min(8.0)), Trend::Flat);
    }

    #[test]
    fn a_continuing_rise_is_distinguished_from_one_that_settles() {
        assert_eq!(trend(Kind::Descriptors, |at| 10.0 + 5.0 * at), Trend::Rising);
        assert_eq!(trend(Kind::Descriptors, |at| 10.0 + 9.0 * at.min(20.0)), Trend::Doubtful);
    }

    #[test]
    fn a_heap_that_grows_by_a_tenth_is_not_accused() {
        let mib = 1024.0 * 1024.0;
        assert_eq!(trend(Kind::Memory, |at| 100.0 * mib + 0.5 * mib * at), Trend::Doubtful);
        assert_eq!(trend(Kind::Memory, |at| 10.0 * mib + 4.0 * mib * at), Trend::Rising);
    }

    #[test]
    fn a_resource_that_is_swept_from_time_to_time_does_not_fall_short() {
        let mib = 1024.0 * 1024.0;
        for phase in 0..10 {
            let swept = |at: f64| (10.0 + 5.0 * ((at + f64::from(phase)) % 10.0)) * mib;
            assert_ne!(trend(Kind::Disk, swept), Trend::Rising, "{phase}");
            assert_eq!(trend(Kind::Disk, |at| swept(at) + 30.0 * mib * at), Trend::Rising, "{phase}");
        }
    }

    #[test]
    fn the_bound_of_a_short_run_is_reported() {
        let mib = 1024.0 * 1024.0;
        let of = |kind, lasts: f64, amount: &dyn Fn(f64) -> f64| {
            let samples: Vec<(f64, f64)> =
                (0..100).map(|at| (f64::from(at) * lasts / 100.0, amount(f64::from(at)))).collect();
            Measure::of(kind, &samples).unwrap()
        };
        let shaking = |at: f64| 20.0 * mib + (at % 7.0) * 0.1 * mib;
        let measure = of(Kind::Memory, 25.0, &shaking);
        assert_eq!(measure.trend, Trend::Flat);
        assert!(measure.too_coarse().is_some(), "a leak of some MiB in an hour would not show");
        assert_eq!(of(Kind::Memory, 3600.0, &shaking).too_coarse(), None);
        assert_eq!(of(Kind::Memory, 25.0, &|_| 20.0 * mib).too_coarse(), None);
        assert!(of(Kind::Descriptors, 25.0, &|_| 10.0).too_coarse().is_some(), "one in 20 s would not show");
        assert_eq!(of(Kind::Descriptors, 600.0, &|_| 10.0).too_coarse(), None);
    }

    #[test]
    fn the_default_soak_is_long_enough_to_tell_a_leak_from_a_flat_line() {
        let (lasts, mib) = (SOAK.as_secs_f64(), 1024.0 * 1024.0);
        let of = |kind, amount: &dyn Fn(f64) -> f64| {
            let at = |number: i32| f64::from(number) * lasts / 100.0;
            let samples: Vec<(f64, f64)> = (0..100).map(|number| (at(number), amount(at(number)))).collect();
            Measure::of(kind, &samples).unwrap()
        };
        assert_eq!(of(Kind::Memory, &|at| 10.0 * mib + mib * at).trend, Trend::Rising, "a MiB a second");
        assert_eq!(of(Kind::Descriptors, &|at| 10.0 + 1.5 * at).trend, Trend::Rising, "three in two seconds");
        let flat = of(Kind::Memory, &|_| 20.0 * mib);
        assert_eq!((flat.trend, flat.too_coarse()), (Trend::Flat, None));
        let slow = of(Kind::Memory, &|at| 20.0 * mib + 0.05 * mib * at);
        assert!(slow.trend != Trend::Flat || slow.too_coarse().is_some(), "50 KiB a second are not flat");
    }

    #[test]
    fn few_samples_have_no_trend() {
        assert!(Measure::of(Kind::Threads, &[(0.0, 1.0); 5]).is_none());
    }
}

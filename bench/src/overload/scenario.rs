//! Loads that change or have several kinds of clients.

use std::time::Duration;

use super::plan::{CLIENTS, CONNECTIONS, Pace, Source};
use super::tally::Outcome;

/// A load and what is read from its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Critical requests at half of the capacity, default and sheddable ones at four and one fifth of the rest, four times the capacity in all.
    MixedCriticality,
    /// 20 clients at 0.8 of the capacity, and one more at 4.2 times the capacity.
    WildClient,
    /// From 0.9 to 10 times the capacity, and back.
    Step,
    /// Three times the capacity of clients that retry three times, and then 0.8 times.
    RetryStorm,
    /// The capacity is halved while 1.5 times as much comes.
    CapacityHalved,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Parts of the loads that change.
const BEFORE: Duration = Duration::from_millis(1500);
const DURING: Duration = seconds(3);
const AFTER: Duration = seconds(3);
/// Of a normal load, the share in time when the service has recovered.
const RECOVERED: f64 = 0.95;
/// For so long.
const STEADY: Duration = Duration::from_millis(500);
/// Time before the first request that counts, where the load is steady.
const WARM_UP: Duration = Duration::from_millis(1500);

impl Scenario {
    pub(crate) const ALL: [Self; 5] =
        [Self::MixedCriticality, Self::WildClient, Self::Step, Self::RetryStorm, Self::CapacityHalved];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MixedCriticality => "mixed criticality",
            Self::WildClient => "wild client",
            Self::Step => "step",
            Self::RetryStorm => "retry storm",
            Self::CapacityHalved => "capacity halved",
        }
    }

    /// The heads of the columns.
    pub(crate) const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::MixedCriticality => &["critical served", "default served", "sheddable served", "goodput"],
            Self::WildClient => &["others served", "the one client served", "goodput"],
            Self::Step => &["goodput in the first second at 10x", "goodput at 10x after it", "recovered after"],
            Self::RetryStorm => &["goodput in the storm", "served after it", "recovered after"],
            Self::CapacityHalved => &["goodput in the first 2 s, of the new capacity", "goodput after them"],
        }
    }

    /// Time after which the server does half as much; zero for never.
    pub(crate) const fn halved_after(self) -> Duration {
        match self {
            Self::CapacityHalved => BEFORE,
            _ => Duration::ZERO,
        }
    }

    /// The time before requests count, and the time in which they do.
    pub(crate) fn times(self) -> (Duration, Duration) {
        match self {
            Self::MixedCriticality | Self::WildClient => (WARM_UP, DURING),
            Self::Step | Self::RetryStorm | Self::CapacityHalved => (Duration::ZERO, BEFORE + DURING + AFTER),
        }
    }

    /// Its requests, for this capacity.
    pub(crate) fn sources(self, capacity: f64) -> Vec<Source> {
        let steady = |times: f64| Pace::Open(vec![(WARM_UP + DURING, times * capacity)]);
        let change = |[before, during, after]: [f64; 3]| {
            let parts = [(BEFORE, before), (DURING, during), (AFTER, after)];
            Pace::Open(parts.map(|(lasts, times)| (lasts, times * capacity)).into())
        };
        match self {
            Self::MixedCriticality => {
                let sheddable = Source::new("sheddable", "/sheddable", steady(0.7));
                vec![
                    Source::new("critical", "/critical", steady(0.5)).by_clients(0, 50, CONNECTIONS),
                    Source::new("default", "/work", steady(2.8)).by_clients(50, 100, CONNECTIONS),
                    Source { criticality: Some("sheddable".to_owned()), ..sheddable }.by_clients(150, 50, CONNECTIONS),
                ]
            }
            Self::WildClient => vec![
                Source::new("others", "/work", steady(0.8)).by_clients(0, 20, CONNECTIONS),
                Source::new("one", "/work", steady(4.2)).by_clients(20, 1, CLIENTS * 5),
            ],
            Self::Step => vec![Source::new("all", "/work", change([0.9, 10.0, 0.9]))],
            Self::RetryStorm => {
                vec![Source { retries: 3, ..Source::new("all", "/work", change([0.8, 3.0, 0.8])) }]
            }
            Self::CapacityHalved => vec![Source::new("all", "/work", change([0.7, 1.5, 0.4]))],
        }
    }

    /// The cells of a server's row.
    pub(crate) fn cells(self, outcome: &Outcome, capacity: f64) -> Vec<String> {
        let share = |name: &str| format!("{:.3}", outcome.of(name).share());
        let all = outcome.of("all");
        let (from, to) = (BEFORE, BEFORE + DURING);
        let goodput = |from, to, capacity: f64| format!("{:.2}", all.goodput(from, to) / capacity);
        let recovery =
            || recovered(outcome, to).map_or("not".to_owned(), |took| format!("{:.1} s", took.as_secs_f64()));
        match self {
            Self::MixedCriticality => {
                let goodput = format!("{:.2}", outcome.good_per_second() / capacity);
                ["critical", "default", "sheddable"].map(share).into_iter().chain([goodput]).collect()
            }
            Self::WildClient => {
                vec![share("others"), share("one"), format!("{:.2}", outcome.good_per_second() / capacity)]
            }
            Self::Step => {
                vec![goodput(from, from + seconds(1), capacity), goodput(from + seconds(1), to, capacity), recovery()]
            }
            Self::RetryStorm => {
                vec![goodput(from, to, capacity), format!("{:.2}", all.share_between(to, to + AFTER)), recovery()]
            }
            Self::CapacityHalved => {
                let half = capacity / 2.0;
                vec![goodput(from, from + seconds(2), half), goodput(from + seconds(2), to, half)]
            }
        }
    }
}

/// The time from the fall of the load until the share in time is that of a normal load for a while.
fn recovered(outcome: &Outcome, fall: Duration) -> Option<Duration> {
    let all = outcome.of("all");
    let step = Duration::from_millis(100);
    let starts = (0..u32::try_from((AFTER - STEADY).as_millis() / step.as_millis()).unwrap_or(0)).map(|n| step * n);
    let mut well = starts.filter(|since| all.share_between(fall + *since, fall + *since + STEADY) >= RECOVERED);
    well.next()
}

#[cfg(test)]
mod tests {
    use super::super::tally::{Figures, count};
    use super::*;

    #[test]
    fn a_service_has_recovered_when_half_a_second_of_the_load_is_answered_in_time() {
        let mut figures = Figures { name: "all".to_owned(), ..Figures::default() };
        for at in (0..4000).step_by(10) {
            count(&mut figures.offered_slices, BEFORE + DURING + Duration::from_millis(at));
            if at >= 1200 {
                count(&mut figures.slices, BEFORE + DURING + Duration::from_millis(at));
            }
        }
        let outcome = Outcome { sources: vec![figures], late_ms: 0.0 };
        assert_eq!(recovered(&outcome, BEFORE + DURING), Some(Duration::from_millis(1200)));
    }

    #[test]
    fn clients_of_different_sources_have_different_addresses() {
        for scenario in Scenario::ALL {
            let mut from = 0;
            for source in scenario.sources(1000.0) {
                assert_eq!(source.first_client, from, "{scenario:?}");
                from += source.clients;
            }
        }
    }
}

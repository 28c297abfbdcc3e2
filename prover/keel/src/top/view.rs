//! The numbers of a screen, computed from readings alone: no clock, no terminal and no network.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::inside::{Panel, Table};
use super::quantile::{Quantile, quantile};
use super::reading::{Counts, Reading};

/// Readings over which rates and percentiles are computed: with the default interval those of ten seconds.
pub(super) const WINDOW: usize = 5;
/// Rates that the history line keeps.
pub(super) const HISTORY: usize = 240;

/// The state of the service as far as it was read, in bounded memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    readings: VecDeque<Reading>,
    rates: VecDeque<f64>,
    problem: Option<(Duration, String)>,
    tables: BTreeMap<Panel, Result<Table, String>>,
    restarts: u32,
}

/// A screen's content.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    pub(super) service: Option<String>,
    pub(super) uptime: Option<f64>,
    pub(super) restarts: u32,
    /// Why nothing newer is shown, and for how long.
    pub(super) problem: Option<(Duration, String)>,
    /// Seconds over which rates and percentiles are; none until there are two readings.
    pub(super) window: Option<f64>,
    pub(super) total: Row,
    pub(super) routes: Vec<Row>,
    pub(super) has_requests: bool,
    pub(super) active: Option<f64>,
    /// Rates of the past, the newest one last.
    pub(super) rates: Vec<f64>,
    /// Processors in use: 1 is one of them.
    pub(super) cpu: Option<f64>,
    pub(super) memory: Option<f64>,
    pub(super) descriptors: Option<f64>,
    pub(super) threads: Option<f64>,
    /// Shares of bounded resources, the fullest one first.
    pub(super) saturations: Vec<(String, f64)>,
    pub(super) series: usize,
    pub(super) left_out: usize,
    pub(super) tables: BTreeMap<Panel, Result<Table, String>>,
}

/// A route, or all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) route: String,
    pub(super) method: String,
    /// Requests a second.
    pub(super) rate: f64,
    /// The share of them that was answered with 500 and above, from 0 to 1.
    pub(super) errors: f64,
    pub(super) p50: Option<Quantile>,
    pub(super) p99: Option<Quantile>,
}

/// The order of routes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Rate,
    Errors,
    Slowest,
}

impl Order {
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Rate => Self::Errors,
            Self::Errors => Self::Slowest,
            Self::Slowest => Self::Rate,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Errors => "errors",
            Self::Slowest => "p99",
        }
    }
}

impl Watch {
    /// Takes the next reading. After a restart of the service the ones before count for nothing.
    pub(super) fn take(&mut self, reading: Reading) {
        if let Some(last) = self.readings.back() {
            let began_again = reading.process.uptime.zip(last.process.uptime).is_some_and(|(now, before)| now < before);
            if began_again || reading.total.requests < last.total.requests {
                self.readings.clear();
                self.restarts += 1;
            } else if let Some(seconds) = seconds_between(last, &reading) {
                self.rates.push_back((reading.total.requests - last.total.requests) / seconds);
            }
        }
        self.readings.push_back(reading);
        self.problem = None;
        while self.readings.len() > WINDOW + 1 {
            self.readings.pop_front();
        }
        while self.rates.len() > HISTORY {
            self.rates.pop_front();
        }
    }

    /// Notes that nothing could be read at this time.
    pub(super) fn fail(&mut self, at: Duration, problem: String) {
        let since = self.problem.as_ref().map_or(at, |(since, _)| *since);
        self.problem = Some((since, problem));
    }

    /// Takes the answer of a panel.
    pub(super) fn answer(&mut self, panel: Panel, table: Result<Table, String>) {
        self.tables.insert(panel, table);
    }

    /// The content of a screen at this time.
    pub(super) fn view(&self, now: Duration, order: Order) -> View {
        let problem = self.problem.as_ref().map(|(since, why)| (now.saturating_sub(*since), why.clone()));
        let rates = self.rates.iter().copied().collect();
        let (restarts, tables) = (self.restarts, self.tables.clone());
        let Some(last) = self.readings.back() else {
            return View { problem, restarts, tables, rates, ..View::default() };
        };
        let first = self.readings.front().filter(|first| first.at < last.at);
        let window = first.and_then(|first| seconds_between(first, last));
        let mut view = View {
            service: last.service.clone(),
            uptime: last.process.uptime,
            restarts,
            problem,
            window,
            has_requests: last.families.requests.is_some(),
            active: last.active,
            rates,
            memory: last.process.memory,
            descriptors: last.process.descriptors,
            threads: last.process.threads,
            saturations: last.saturations.iter().map(|(name, share)| (name.clone(), *share)).collect(),
            series: last.series,
            left_out: last.left_out,
            tables,
            ..View::default()
        };
        view.saturations.sort_by(|(_, left), (_, right)| right.total_cmp(left));
        if let Some((first, seconds)) = first.zip(window) {
            let spent = last.process.cpu.zip(first.process.cpu);
            view.cpu = spent.map(|(now, before)| ((now - before) / seconds).max(0.0));
            view.total = row("", "", &last.total.since(Some(&first.total)), seconds);
            // A route that was never asked says nothing.
            let asked = last.routes.iter().filter(|(_, counts)| counts.requests > 0.0);
            view.routes = asked
                .map(|(key, counts)| row(&key.route, &key.method, &counts.since(first.routes.get(key)), seconds))
                .collect();
            sort(&mut view.routes, order);
        }
        view
    }
}

fn seconds_between(first: &Reading, last: &Reading) -> Option<f64> {
    let seconds = last.at.checked_sub(first.at)?.as_secs_f64();
    (seconds > 0.0).then_some(seconds)
}

fn row(route: &str, method: &str, counts: &Counts, seconds: f64) -> Row {
    let share = if counts.requests > 0.0 { counts.errors / counts.requests } else { 0.0 };
    Row {
        route: route.to_owned(),
        method: method.to_owned(),
        rate: counts.requests / seconds,
        errors: share,
        p50: quantile(0.5, &counts.buckets),
        p99: quantile(0.99, &counts.buckets),
    }
}

fn sort(routes: &mut [Row], order: Order) {
    let seconds = |row: &Row| match row.p99 {
        Some(Quantile::Value(seconds) | Quantile::Above(seconds)) => seconds,
        None => -1.0,
    };
    let key = |row: &Row| match order {
        Order::Rate => row.rate,
        Order::Errors => row.errors * row.rate,
        Order::Slowest => seconds(row),
    };
    // Numbers of the same size keep the order of their names.
    routes.sort_by_key(|row| (Reverse((key(row) * 1e9) as i64), row.route.clone(), row.method.clone()));
}

#[cfg(test)]
mod tests {
    use super::super::exposition::Exposition;
    use super::*;

    pub(super) fn reading(seconds: u64, good: u64, bad: u64) -> Reading {
        let text = format!(
            "http_requests_total{{route=\"/a\",code=\"200\"}} {good}\nhttp_requests_total{{route=\"/b\",code=\"500\"}} {bad}\n\
             http_request_duration_seconds_bucket{{route=\"/a\",le=\"0.1\"}} {good}\n\
             http_request_duration_seconds_bucket{{route=\"/a\",le=\"+Inf\"}} {good}\nprocess_cpu_seconds_total {seconds}\n"
        );
        Reading::of(&Exposition::parse(&text), Duration::from_secs(seconds), 0.0)
    }

    fn view(watch: &Watch, seconds: u64) -> View {
        watch.view(Duration::from_secs(seconds), Order::default())
    }

    #[test]
    fn rates_errors_and_percentiles_are_those_between_the_first_and_the_last_reading_of_the_window() {
        let mut watch = Watch::default();
        watch.take(reading(10, 100, 0));
        assert_eq!(view(&watch, 10).window, None, "one reading has no rate");
        watch.take(reading(12, 120, 5));
        watch.take(reading(14, 140, 20));
        let view = view(&watch, 14);
        assert_eq!((view.window, view.total.rate, view.total.errors), (Some(4.0), 15.0, 20.0 / 60.0));
        assert_eq!((view.routes[0].rate, view.routes[0].p99), (10.0, Some(Quantile::Value(0.099))));
        assert_eq!((view.routes[1].route.as_str(), view.routes[1].errors), ("/b", 1.0));
        assert_eq!((view.cpu, view.rates), (Some(1.0), vec![12.5, 17.5]));
    }

    #[test]
    fn readings_and_rates_are_bounded() {
        let mut watch = Watch::default();
        (0..1_000).for_each(|second| watch.take(reading(second, second, 0)));
        assert_eq!((watch.readings.len(), watch.rates.len()), (WINDOW + 1, HISTORY));
        assert_eq!(view(&watch, 999).window, Some(5.0));
    }

    #[test]
    fn a_service_that_went_away_is_shown_with_the_age_of_what_is_known() {
        let mut watch = Watch::default();
        watch.take(reading(1, 1, 0));
        watch.fail(Duration::from_secs(3), "connection refused".to_owned());
        watch.fail(Duration::from_secs(5), "connection refused".to_owned());
        let view = view(&watch, 7);
        assert_eq!(view.problem, Some((Duration::from_secs(4), "connection refused".to_owned())));
        watch.take(reading(9, 2, 0));
        assert_eq!(watch.view(Duration::from_secs(9), Order::Rate).problem, None);
    }

    #[test]
    fn a_restart_begins_a_new_window_and_is_counted() {
        let mut watch = Watch::default();
        watch.take(reading(1, 100, 0));
        watch.take(reading(3, 10, 0));
        let view = view(&watch, 3);
        assert_eq!((view.restarts, view.window, view.rates), (1, None, vec![]));
    }

    #[test]
    fn each_order_puts_its_own_route_first() {
        let row = |route: &str, rate, errors, p99| Row {
            route: route.to_owned(),
            rate,
            errors,
            p99: Some(Quantile::Value(p99)),
            ..Row::default()
        };
        let mut routes = [row("/slow", 1.0, 0.0, 2.0), row("/often", 9.0, 0.0, 0.1), row("/bad", 2.0, 0.5, 0.1)];
        for (order, first) in [(Order::Rate, "/often"), (Order::Errors, "/bad"), (Order::Slowest, "/slow")] {
            sort(&mut routes, order);
            assert_eq!(routes[0].route, first, "{order:?}");
        }
    }
}

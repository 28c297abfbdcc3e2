//! Clients with the most requests, failures and time of the last one to two minutes: the table `clients`.
//!
//! Addresses are personal data: they are in no metric, and are forgotten after two minutes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::time::Instant;
use vitals::heavy_hitters::{Bounds, Heaviest, HeavyHitter, HeavyHitters, Sighting};
use vitals::{Column, Registry, Source, Table, TableRow, TableValue, TraceContext, Unit};

use crate::access_log::CANCELLED;

/// Requests from which on a client's mean counts for the median.
const ENOUGH: u64 = 20;

const CLIENTS: Table = Table {
    name: "clients",
    help: "Clients with the most requests, failures or time, in this minute and the last one.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::key("client", "The address; of IPv6 the first 64 bits."),
        Column::gauge("requests_at_least", "Its requests: at least."),
        Column::gauge("requests_at_most", "Its requests: at most."),
        Column::gauge(
            "failures_at_least",
            "Requests that failed (status 400 and up, or no answer; not 404 without a route): at least.",
        ),
        Column::gauge("failures_at_most", "Requests that failed: at most."),
        Column::gauge("time_at_least", "Sum of the durations of its requests: at least.").in_unit(Unit::Seconds),
        Column::gauge("time_at_most", "Sum of the durations of its requests: at most.").in_unit(Unit::Seconds),
        Column::gauge("requests_share", "Share of all requests: at least."),
        Column::gauge("failures_share", "Share of its requests that failed."),
        Column::gauge("mean_duration", "Mean duration of its requests.").in_unit(Unit::Seconds),
        Column::gauge("longest_duration", "Longest duration.").in_unit(Unit::Seconds),
        Column::gauge(
            "times_median",
            "Its mean duration, as a multiple of the median of all clients here with 20 requests or more.",
        ),
        Column::state("trace_id", "The trace of its last request."),
    ],
};

const SUMS: Table = Table {
    name: "http_clients",
    help: "The table of clients.",
    columns: &[
        Column::label("listener", "The listener."),
        Column::gauge("listed", "Clients in the table."),
        Column::counter(
            "skipped",
            "Requests that the table left out because another request was being noted; its bounds allow for them.",
        ),
    ],
};

/// The clients of one listener.
#[derive(Debug)]
pub(crate) struct HeavyClients {
    listener: Arc<str>,
    hitters: HeavyHitters<IpAddr>,
}

#[derive(Debug)]
struct Clients(Arc<HeavyClients>);
#[derive(Debug)]
struct Sums(Arc<HeavyClients>);

/// The tables of a listener's clients, which live as long as this.
#[derive(Debug)]
pub(crate) struct ClientVitals {
    _sources: (Arc<Clients>, Arc<Sums>),
}

/// A request that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// None: the client left before its answer.
    pub(crate) status: Option<StatusCode>,
    /// It matched a route, or was refused before that was known.
    pub(crate) has_route: bool,
    pub(crate) took: Duration,
    pub(crate) trace: Option<TraceContext>,
}

impl HeavyClients {
    pub(crate) fn new(listener: &str) -> Arc<Self> {
        Arc::new(Self { listener: listener.into(), hitters: HeavyHitters::new() })
    }

    pub(crate) fn register(self: &Arc<Self>, registry: &Registry) -> ClientVitals {
        let sources = (Arc::new(Clients(self.clone())), Arc::new(Sums(self.clone())));
        registry.register(sources.0.clone());
        registry.register(sources.1.clone());
        ClientVitals { _sources: sources }
    }

    /// Notes a request of a client. Never waits.
    pub(crate) fn note(&self, client: IpAddr, ended: &Ended, now: Instant) {
        let sighting = Sighting { failed: ended.is_failure(), took: ended.took, trace: ended.trace };
        self.hitters.note(client, &sighting, now);
    }
}

impl Ended {
    /// An unknown path says little about its client: browsers and crawlers ask for many.
    fn is_failure(&self) -> bool {
        match self.status.map_or(CANCELLED, |status| status.as_u16()) {
            404 => self.has_route,
            status => status >= 400,
        }
    }
}

impl Source for Clients {
    fn table(&self) -> &'static Table {
        &CLIENTS
    }

    fn rows(&self) -> Vec<TableRow> {
        let all = self.0.hitters.list(Instant::now());
        let median = all.median_mean(ENOUGH);
        all.keys.iter().map(|hitter| row(&self.0.listener, hitter, &all, median)).collect()
    }
}

impl Source for Sums {
    fn table(&self) -> &'static Table {
        &SUMS
    }

    fn rows(&self) -> Vec<TableRow> {
        let hitters = &self.0.hitters;
        // Read with every scrape and every step of the history: addresses are forgotten without requests, too.
        let listed = hitters.forget_old(Instant::now()) as u64;
        vec![vec![TableValue::Text(self.0.listener.clone()), listed.into(), hitters.skipped().into()]]
    }
}

fn row(
    listener: &Arc<str>,
    hitter: &HeavyHitter<IpAddr>,
    all: &Heaviest<IpAddr>,
    median: Option<Duration>,
) -> TableRow {
    let (seen, mean) = (&hitter.seen, hitter.seen.mean());
    let times =
        mean.zip(median).filter(|(_, median)| !median.is_zero()).map(|(mean, median)| mean.div_duration_f64(median));
    let failures = match seen.requests {
        0 => share(hitter.failures.at_least, hitter.requests.at_most),
        requests => share(seen.failures, requests),
    };
    let seconds = |nanos: u64| TableValue::from(Duration::from_nanos(nanos).as_secs_f64());
    // What is not known is no number.
    let known = |number: Option<f64>| TableValue::from(number.unwrap_or(f64::NAN));
    let counts = |bounds: Bounds| [TableValue::from(bounds.at_least), TableValue::from(bounds.at_most)];
    let [requests_at_least, requests_at_most] = counts(hitter.requests);
    let [failures_at_least, failures_at_most] = counts(hitter.failures);
    vec![
        TableValue::Text(listener.clone()),
        TableValue::text(hitter.key.to_string()),
        requests_at_least,
        requests_at_most,
        failures_at_least,
        failures_at_most,
        seconds(hitter.nanos.at_least),
        seconds(hitter.nanos.at_most),
        TableValue::from(share(hitter.requests.at_least, all.requests)),
        TableValue::from(failures),
        known(mean.map(|mean| mean.as_secs_f64())),
        TableValue::from(seen.longest.as_secs_f64()),
        known(times),
        TableValue::text(seen.trace.map(|trace| trace.trace_id()).unwrap_or_default()),
    ]
}

fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: u16, millis: u64) -> Ended {
        let status = StatusCode::from_u16(status).ok();
        Ended { status, has_route: true, took: Duration::from_millis(millis), trace: None }
    }

    fn column(row: &TableRow, name: &str) -> TableValue {
        let index = CLIENTS.columns.iter().position(|column| column.name == name).expect("there is such a column");
        row[index].clone()
    }

    fn clients(requests: &[(u8, Ended, u32)]) -> Arc<HeavyClients> {
        let clients = HeavyClients::new("public");
        for (client, ended, times) in requests {
            (0..*times).for_each(|_| clients.note([127, 0, 0, *client].into(), ended, Instant::now()));
        }
        clients
    }

    #[test]
    fn the_busy_the_failing_and_the_slow_client_show_by_share_and_ratio() {
        let usual = [(1, ended(200, 10), 25), (2, ended(200, 10), 25), (3, ended(200, 10), 25)];
        let odd = [(4, ended(200, 10), 300), (5, ended(422, 10), 25), (6, ended(200, 400), 25)];
        let rows = Clients(clients(&[usual, odd].concat())).rows();
        let of = |client: &str| rows.iter().find(|row| row[1].as_text() == Some(client)).expect("it is listed");
        assert_eq!(rows[0], *of("127.0.0.4"), "the busiest comes first");
        assert_eq!(column(&rows[0], "requests_at_least"), TableValue::from(300));
        assert!(column(&rows[0], "requests_share").number() > Some(0.7));
        let (failing, usual) = (of("127.0.0.5"), of("127.0.0.1"));
        assert_eq!(column(failing, "failures_share"), TableValue::from(1.0));
        assert_eq!((column(usual, "failures_at_most"), column(usual, "failures_share")), (0.into(), 0.0.into()));
        assert_eq!(column(of("127.0.0.6"), "times_median"), TableValue::from(40.0));
        assert_eq!(column(usual, "times_median"), TableValue::from(1.0));
    }

    #[test]
    fn a_missing_page_is_a_failure_of_a_route_alone_and_a_client_that_leaves_is_one() {
        let stranger = Ended { has_route: false, ..ended(404, 1) };
        let left = Ended { status: None, ..ended(200, 1) };
        assert!(!stranger.is_failure() && !ended(200, 1).is_failure() && !ended(304, 1).is_failure());
        assert!(ended(404, 1).is_failure() && ended(400, 1).is_failure() && ended(503, 1).is_failure());
        assert!(left.is_failure());
    }

    #[test]
    fn the_ratio_to_a_median_of_too_few_requests_is_not_known() {
        let rows = Clients(clients(&[(1, ended(200, 10), 19)])).rows();
        assert!(column(&rows[0], "times_median").number().is_some_and(f64::is_nan));
    }

    #[test]
    fn the_table_of_clients_is_no_metric_and_its_sums_are() {
        let (clients, registry) = (clients(&[(1, ended(200, 1), 1)]), Registry::new());
        let _vitals = clients.register(&registry);
        assert_eq!(registry.metrics().map(|table| table.table.name).collect::<Vec<_>>(), ["http_clients"]);
        assert_eq!(Sums(clients).rows(), [[TableValue::text("public"), 1.into(), 0.into()]]);
    }
}

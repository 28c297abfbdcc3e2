//! Objectives of a running service.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use vitals::{Bus, Column, Registry, Source, Table, TableRow, TableValue};

use crate::objectives::alert::{Alert, WORDS, burn};
use crate::objectives::declaration::{Slo, SloKind, percent_of};
use crate::objectives::ladder::{Counts, Ladder, step_of};
use crate::objectives::pairs::{PAIRS, PERIOD, Pair};
use crate::objectives::subject::Subject;

const TOO_MANY_REQUESTS: u16 = 429;

const OBJECTIVE: Table = Table {
    name: "objective",
    help: "Objectives: answers that count, those that are bad, and how fast the budget is used up.",
    columns: &[
        Column::label("service", "The service."),
        Column::label("objective", "Its name."),
        Column::label("route", "The method and the route; dependency or job, and the name."),
        Column::label("kind", "availability or latency."),
        Column::gauge("target", "The share of good answers, from 0 to 1."),
        Column::counter("events", "Answers that count."),
        Column::counter("bad", "Bad answers among them."),
        Column::gauge("burn_5m", "Burn rate of the last 5 minutes: 1 uses up the budget in its period."),
        Column::gauge("burn_1h", "Burn rate of the last hour."),
        Column::gauge("burn_6h", "Burn rate of the last 6 hours."),
        Column::gauge("burn_3d", "Burn rate of the last 3 days."),
        Column::gauge("budget_left", "The share of the period's budget that is left; below 0 it is overdrawn."),
        Column::gauge("window_filled", "The share of the period that this process has seen."),
        Column::words("alert", &WORDS, "The state by what this process has seen.").degraded(&["page"]),
    ],
};

/// An objective of a running service.
#[derive(Debug)]
pub struct LiveObjective {
    service: Arc<str>,
    slo: Slo,
    all: AtomicU64,
    bad: AtomicU64,
    past: Mutex<Past>,
}

#[derive(Debug)]
struct Past {
    ladder: Ladder,
    alert: Alert,
}

/// All objectives of a running service. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Objectives {
    all: Arc<[Arc<LiveObjective>]>,
}

impl LiveObjective {
    fn new(service: &str, slo: Slo, now: Instant) -> Self {
        let ladder = Ladder::new(slo.period, now);
        Self {
            service: service.into(),
            slo,
            all: AtomicU64::new(0),
            bad: AtomicU64::new(0),
            past: Mutex::new(Past { ladder, alert: Alert::None }),
        }
    }

    /// Returns its declaration.
    pub fn slo(&self) -> &Slo {
        &self.slo
    }

    /// Counts an answer: two relaxed additions at most. One with 429 does not count: its client sends too much, which is neither a failure of the
    /// service nor a success.
    pub fn record(&self, status: u16, took: Duration) {
        if status != TOO_MANY_REQUESTS {
            self.record_end(status >= 500, took);
        }
    }

    /// Counts the end of a call or of an attempt: two relaxed additions at most.
    pub fn record_end(&self, failed: bool, took: Duration) {
        let bad = match self.slo.kind {
            SloKind::Availability => failed,
            SloKind::Latency(_) if failed => return,
            SloKind::Latency(within) => took > within,
        };
        self.all.fetch_add(1, Ordering::Relaxed);
        if bad {
            self.bad.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The state by what this process has seen.
    pub fn alert(&self) -> Alert {
        self.past().alert
    }

    fn totals(&self) -> Counts {
        // Bad first: it is never more than all.
        let bad = self.bad.load(Ordering::Relaxed);
        Counts { all: self.all.load(Ordering::Relaxed).max(bad), bad }
    }

    /// Moves the windows on, and publishes a change of the alert.
    fn tick(&self, bus: &Bus, now: Instant) {
        let mut past = self.past();
        past.ladder.advance(self.totals(), now);
        let (alert, raised) = Alert::of(&self.slo, &past.ladder);
        let before = std::mem::replace(&mut past.alert, alert);
        if alert == before {
            return;
        }
        let reason = match raised {
            Some(pair) => self.reason(&past.ladder, pair, now),
            None => "no pair of windows burns faster than its factor any more".to_owned(),
        };
        drop(past);
        tracing::warn!(objective = self.slo.name, alert = alert.name(), reason, "the alert of an objective changed");
        bus.publish("objective", self.slo.name.clone(), alert.name(), reason);
    }

    /// The share of the budget that went, the time that the rest lasts, and whether the process has seen the whole window.
    fn reason(&self, ladder: &Ladder, pair: Pair, now: Instant) -> String {
        let long = ladder.window(pair.long);
        let burn_rate = burn(&self.slo, long);
        let used = burn_rate * pair.long.as_secs_f64() / self.slo.period.as_secs_f64();
        let left = Duration::from_secs_f64(self.slo.period.as_secs_f64() * self.left(ladder).max(0.0) / burn_rate);
        let since = if ladder.age(now) < pair.long { " (since the start)" } else { "" };
        format!(
            "{}; {} of {} answers were bad in {}{since}: {} of the budget; at this speed the rest is gone in {}",
            self.slo.sentence(),
            long.bad,
            long.all,
            span_of(pair.long),
            percent_of(used),
            span_of(left),
        )
    }

    /// The share of the period's budget that is left.
    fn left(&self, ladder: &Ladder) -> f64 {
        1.0 - burn(&self.slo, ladder.window(self.slo.period))
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        // Slots of counts are whole whatever happened to the thread that held the lock.
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objectives {
    /// The objectives of a service, which begin to count now.
    pub fn new(service: &str, slos: Vec<Slo>) -> Self {
        let now = Instant::now();
        Self { all: slos.into_iter().map(|slo| Arc::new(LiveObjective::new(service, slo, now))).collect() }
    }

    /// Shows them in the registry, for as long as they live.
    pub fn register(&self, registry: &Registry) {
        for objective in self.iter() {
            registry.register(objective.clone());
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<LiveObjective>> {
        self.all.iter()
    }

    /// Those of a route.
    pub fn of_route(&self, route: &str) -> Arc<[Arc<LiveObjective>]> {
        self.all.iter().filter(|objective| objective.slo.pattern() == Some(route)).cloned().collect()
    }

    /// Returns the time within which a method of a route promises to answer at least 99 % of its requests; the shortest, where there are several.
    pub fn promise_of(&self, method: &str, route: &str) -> Option<Duration> {
        self.iter().filter_map(|objective| objective.slo.promise(method, route)).min()
    }

    /// Those of a dependency.
    pub fn of_dependency(&self, name: &str) -> Arc<[Arc<LiveObjective>]> {
        let is_its =
            |objective: &&Arc<LiveObjective>| matches!(&objective.slo.subject, Subject::Dependency(of) if of == name);
        self.all.iter().filter(is_its).cloned().collect()
    }

    /// Those of a kind of jobs.
    pub fn of_job(&self, kind: &str) -> impl Iterator<Item = &Arc<LiveObjective>> {
        self.all.iter().filter(move |objective| matches!(&objective.slo.subject, Subject::Job(of) if of == kind))
    }

    /// Counts a refusal of a request whose route is not known yet: for the first objectives whose pattern its path matches.
    pub fn refused(&self, method: &str, path: &str, status: u16) {
        for objective in self.iter() {
            let slo = &objective.slo;
            let Subject::Route { method: known, pattern } = &slo.subject else { continue };
            if known.as_deref().is_none_or(|known| known == method) && matches(pattern, path) {
                objective.record(status, Duration::ZERO);
            }
        }
    }

    /// Moves the windows on and publishes changes of alerts, until `stop` returns.
    ///
    /// Cancel-safe: a dropped run leaves the counts; the next one enters them.
    pub async fn run(&self, bus: &Bus, stop: impl Future<Output = ()>) {
        let Some(step) = self.iter().map(|objective| step_of(objective.slo.period)).min() else { return stop.await };
        let mut stop = std::pin::pin!(stop);
        let mut ticks = tokio::time::interval(step);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = ticks.tick() => self.iter().for_each(|objective| objective.tick(bus, Instant::now())),
            }
        }
    }
}

impl Source for LiveObjective {
    fn table(&self) -> &'static Table {
        &OBJECTIVE
    }

    fn rows(&self) -> Vec<TableRow> {
        let totals = self.totals();
        let past = self.past();
        let ladder = &past.ladder;
        let scale = self.slo.period.as_secs_f64() / PERIOD.as_secs_f64();
        let burn_of = |window: Duration| TableValue::from(burn(&self.slo, ladder.window(window.mul_f64(scale))));
        let filled = ladder.age(Instant::now()).as_secs_f64() / self.slo.period.as_secs_f64();
        vec![vec![
            TableValue::Text(self.service.clone()),
            TableValue::text(&*self.slo.name),
            TableValue::text(self.slo.place()),
            TableValue::text(self.slo.kind.name()),
            TableValue::from(self.slo.target),
            TableValue::from(totals.all),
            TableValue::from(totals.bad),
            burn_of(PAIRS[0].short),
            burn_of(PAIRS[0].long),
            burn_of(PAIRS[1].long),
            burn_of(PAIRS[3].long),
            TableValue::from(self.left(ladder)),
            TableValue::from(filled.min(1.0)),
            TableValue::text(past.alert.name()),
        ]]
    }
}

/// Returns true when a path is one of a route's pattern: `{name}` stands for one segment, `{*name}` for the rest.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(segment), Some(_)) if segment.starts_with("{*") => return true,
            (Some(segment), Some(part)) if segment == part || (segment.starts_with('{') && !part.is_empty()) => {}
            _ => return false,
        }
    }
}

/// A time for people: in the largest unit of which there is at least one.
fn span_of(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    let units = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s")];
    let (unit, name) = units.into_iter().find(|(unit, _)| seconds >= *unit).unwrap_or((1.0, "s"));
    let digits = format!("{:.1}", seconds / unit);
    format!("{} {name}", digits.trim_end_matches(".0"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objectives::declaration::{Objective, slos};

    const MINUTE: Duration = Duration::from_secs(60);

    fn live(objective: Objective) -> Objectives {
        Objectives::new("test", slos(&[objective]).unwrap())
    }

    fn answers(objective: &LiveObjective, good: u32, bad: u32) {
        (0..good).for_each(|_| objective.record(200, Duration::ZERO));
        (0..bad).for_each(|_| objective.record(500, Duration::ZERO));
    }

    /// One minute after the other, with so many good and bad answers, for at most 12 hours; returns the minute after which the alert was one of
    /// these, counted from 1.
    async fn minutes_until(objective: &LiveObjective, alerts: &[Alert], good: u32, bad: u32) -> Option<u32> {
        let bus = Bus::default();
        for minute in 1..=12 * 60 {
            answers(objective, good, bad);
            tokio::time::advance(MINUTE).await;
            objective.tick(&bus, Instant::now());
            if alerts.contains(&objective.alert()) {
                return Some(minute);
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_comes_when_its_share_of_the_budget_is_gone_and_clears_after_the_short_window() {
        let all = live(Objective::route("/a").availability(99.0));
        let objective = all.iter().next().unwrap();
        assert_eq!(minutes_until(objective, &[Alert::Page, Alert::Ticket], 100, 0).await, None);
        // Half of all fail, 50 times what is allowed: the hour burns faster than 14.4 once 14.4 fiftieths of it were so.
        let fired = minutes_until(objective, &[Alert::Page], 50, 50).await;
        assert!(matches!(fired, Some(17..=19)), "{fired:?}");
        // The short window of that pair is 5 min.
        let cleared = minutes_until(objective, &[Alert::Ticket, Alert::None], 100, 0).await;
        assert!(matches!(cleared, Some(3..=5)), "{cleared:?}");
        // A ticket is left until the 18 bad minutes are 1 % of half of all that is known: of 900 minutes.
        let over = minutes_until(objective, &[Alert::None], 100, 0).await;
        assert!(matches!(over, Some(150..=165)), "{over:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_burn_makes_a_ticket_and_no_page() {
        let all = live(Objective::route("/a").availability(99.0));
        let objective = all.iter().next().unwrap();
        let bus = Bus::default();
        for _ in 0..3 * 24 * 60 {
            answers(objective, 96, 4);
            tokio::time::advance(MINUTE).await;
            objective.tick(&bus, Instant::now());
            assert_ne!(objective.alert(), Alert::Page);
        }
        assert_eq!(objective.alert(), Alert::Ticket);
    }

    #[tokio::test(start_paused = true)]
    async fn few_failures_of_few_answers_raise_no_alert() {
        let all = live(Objective::route("/a").availability(99.9).min_bad(5, 5));
        let objective = all.iter().next().unwrap();
        answers(objective, 0, 4);
        objective.tick(&Bus::default(), Instant::now());
        assert_eq!(objective.alert(), Alert::None);
        answers(objective, 0, 1);
        objective.tick(&Bus::default(), Instant::now());
        assert_eq!(objective.alert(), Alert::Page);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_published_with_what_it_means() {
        let all = live(Objective::route("POST /a").availability(99.0));
        let (registry, objective) = (Registry::new(), all.iter().next().unwrap());
        let mut changes = registry.bus().listen();
        answers(objective, 50, 50);
        objective.tick(registry.bus(), Instant::now());
        objective.tick(registry.bus(), Instant::now());
        let change = changes.try_recv().unwrap();
        assert_eq!((change.part, &*change.name, &*change.state), ("objective", "post-a-availability", "page"));
        assert!(change.reason.contains("50 of 100 answers were bad in 1 h (since the start)"), "{}", change.reason);
        assert!(changes.try_recv().is_err(), "said once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_latency_objective_counts_no_failures_and_takes_its_bound_as_in_time() {
        let bound = Duration::from_millis(200);
        let all = live(Objective::route("/a").p99(bound));
        let objective = all.iter().next().unwrap();
        objective.record(200, bound);
        objective.record(404, bound + Duration::from_nanos(1));
        objective.record(503, Duration::from_secs(9));
        assert_eq!(objective.totals(), Counts { all: 2, bad: 1 });
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_with_429_counts_neither_as_good_nor_as_bad() {
        let all = live(Objective::route("/a").availability(99.0).p99(Duration::from_millis(200)));
        for objective in all.iter() {
            objective.record(429, Duration::ZERO);
            objective.record(429, Duration::from_secs(9));
            assert_eq!(objective.totals(), Counts { all: 0, bad: 0 }, "{}", objective.slo().name);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_route_promises_the_shortest_time_in_which_nearly_all_are_answered() {
        let of = |route: &str, percent, ms| {
            Objective::route(route).latency(percent, Duration::from_millis(ms)).named(format!("n{ms}"))
        };
        let slos = slos(&[of("/a", 99.0, 300), of("GET /a", 99.9, 200), of("GET /a", 95.0, 50)]).unwrap();
        let all = Objectives::new("test", slos);
        let promise = |method, route| all.promise_of(method, route).map(|time| time.as_millis());
        assert_eq!([promise("GET", "/a"), promise("PUT", "/a"), promise("GET", "/b")], [Some(200), Some(300), None]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_before_the_route_is_known_is_counted_by_its_path() {
        let all = live(Objective::route("GET /a/{id}/b").availability(99.0));
        for (method, path) in
            [("GET", "/a/7/b"), ("POST", "/a/7/b"), ("GET", "/a//b"), ("GET", "/a/7"), ("GET", "/a/7/b/c")]
        {
            all.refused(method, path, 503);
        }
        assert_eq!(all.iter().next().unwrap().totals(), Counts { all: 1, bad: 1 });
        assert!(matches("/a/{*rest}", "/a/b/c") && matches("/", "/") && !matches("/a", "/b"));
    }
}

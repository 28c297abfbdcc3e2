//! One load: what was sent when, what came of each request, and what the service used meanwhile.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use keel_drill::process::Usage;
use keel_input::seed::Seed;
use keel_load::profile::Profile;
use keel_load::{Completed, Outcome, Plan, Validity, Watch};

use crate::lab::Lab;
use crate::probes::support::{descriptors, mix};

/// The most requests at a time, on a connection each.
const AT_A_TIME: usize = 2_000;
/// Without an answer for so long, a request is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks at what the service uses.
const LOOK: Duration = Duration::from_millis(100);
/// Of a kind of which fewer were sent, the share that is answered says nothing.
const ENOUGH: usize = 10;
/// Requests that left late by more than this part of the load's length are not the load that was to be sent. Less only
/// makes it less even.
const LATENESS: u32 = 5;

/// Sends a mix.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    pub(super) plan: Plan,
}

/// Sent requests and their outcomes. Times are from the load's beginning.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    rate: f64,
    /// The length of the load.
    lasts: Duration,
    began: Instant,
    /// In the order in which they were over.
    pub(super) asked: Vec<Asked>,
    /// The lag below which 99 of 100 left, if that was too late.
    behind: Option<Duration>,
    connections: usize,
    /// The resource usage of the service, in order.
    pub(crate) usage: Vec<(Duration, Usage)>,
}

/// One request that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Its place in the mix.
    pub(super) kind: usize,
    /// The time of sending.
    pub(super) at: Duration,
    /// The time at which its outcome was known.
    pub(super) over: Duration,
    pub(super) fate: Fate,
}

/// Outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The expected answer.
    Answered,
    /// 503 or 429.
    Refused {
        status: u16,
        /// True if it says when to come again.
        says_when: bool,
    },
    /// Another answer.
    Otherwise(u16),
    /// No connection, or one that broke.
    Broken,
    /// Nothing, until it was given up.
    Unanswered,
}

/// Outcomes of the requests that were sent within a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(super) seconds: f64,
    pub(super) in_time: usize,
    /// Answered as expected, too late; or still not when that was clear.
    pub(super) late: usize,
    pub(super) refused: usize,
    /// Of the refused, those that were told when to come again.
    pub(super) told_when: usize,
    /// The latencies of refusals, in order.
    pub(super) refusals: Vec<Duration>,
    /// The others, in words.
    pub(super) others: BTreeMap<String, usize>,
    /// The number of refusals per status.
    pub(super) statuses: BTreeMap<u16, usize>,
}

impl Generator {
    /// Of the declared mix.
    pub(crate) fn of(lab: &Lab) -> Self {
        // Replaced for each load.
        let profile = Profile::constant(1.0, PATIENCE);
        let mut plan = mix::plan(lab, profile, PATIENCE);
        plan.connections = descriptors::spare(AT_A_TIME);
        Self { plan }
    }

    /// Of the same mix, with one kind so many times as often.
    #[must_use]
    pub(crate) fn with_more_of(&self, kind: usize, times: u32) -> Self {
        let mut plan = self.plan.clone();
        plan.kinds[kind].weight *= times;
        Self { plan }
    }

    /// The names of the kinds, in the order of the mix.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        self.plan.kinds.iter().map(|kind| kind.name.as_str()).collect()
    }

    /// Sends at this rate; waits for the last answer, or cuts off what is under way a moment after `cut`.
    pub(crate) async fn send(
        &self,
        lab: &Lab,
        rate: f64,
        lasts: Duration,
        cut: Option<Duration>,
    ) -> Result<Sending, String> {
        let stop = async {
            match cut {
                Some(cut) => tokio::time::sleep(cut).await,
                None => pending().await,
            }
        };
        self.send_to_stop(lab, rate, lasts, Arc::default(), stop).await
    }

    /// Sends at this rate until `end` says when it ended, by the requests that are over after a time; then what is under way is cut off.
    pub(super) async fn send_until(
        &self,
        lab: &Lab,
        rate: f64,
        lasts: Duration,
        end: impl Fn(&[Asked], Duration) -> Option<Duration>,
    ) -> Result<Sending, String> {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (began, seen, ended) = (Instant::now(), Arc::clone(&asked), OnceLock::new());
        let stop = async {
            loop {
                tokio::time::sleep(lab.pace.of(LOOK)).await;
                let ending = end(&locked(&seen), began.elapsed());
                if let Some(ending) = ending {
                    let _ = ended.set(ending);
                    return;
                }
            }
        };
        let mut sending = self.send_to_stop(lab, rate, lasts, asked, stop).await?;
        sending.lasts = lasts.min(ended.get().copied().unwrap_or(lasts));
        Ok(sending)
    }

    async fn send_to_stop(
        &self,
        lab: &Lab,
        rate: f64,
        lasts: Duration,
        asked: Arc<Mutex<Vec<Asked>>>,
        stop: impl Future<Output = ()>,
    ) -> Result<Sending, String> {
        let mut plan = self.plan.clone();
        plan.profile = Profile::constant(rate, lasts);
        // No key twice.
        plan.seed = Seed::fresh();
        let connections = plan.connections;
        let began = Instant::now();
        let noting = Arc::clone(&asked);
        let observer = move |completed: &Completed<'_>| locked(&noting).extend(Asked::of(completed, began));
        let watch = Watch { observer: Some(Arc::new(observer)), ..Watch::default() };
        let mut usage = Vec::new();
        let report = tokio::select! {
            report = keel_load::run(plan, watch, stop) => report,
            never = look(lab, began, &mut usage) => match never {},
        };
        let report = report.map_err(|error| format!("the load could not be sent: {error}"))?;
        let behind = matches!(report.validity, Validity::Behind { .. }).then(|| report.lag.quantile(0.99));
        let asked = std::mem::take(&mut *locked(&asked));
        Ok(Sending { rate, lasts, began, asked, behind, connections, usage })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn look(lab: &Lab, began: Instant, usage: &mut Vec<(Duration, Usage)>) -> Infallible {
    loop {
        usage.extend(lab.usage().map(|used| (began.elapsed(), used)));
        tokio::time::sleep(lab.pace.of(LOOK)).await;
    }
}

impl Asked {
    /// None when it was not sent.
    fn of(completed: &Completed<'_>, began: Instant) -> Option<Self> {
        let fate = match (completed.outcome, completed.head) {
            (Outcome::NotSent, _) => return None,
            (Outcome::Expected, _) => Fate::Answered,
            (Outcome::Status(_), Some(head)) if matches!(head.status, 429 | 503) => {
                Fate::Refused { status: head.status, says_when: head.retry_after }
            }
            (Outcome::Status(_), head) => Fate::Otherwise(head.map_or(0, |head| head.status)),
            (Outcome::Timeout, _) => Fate::Unanswered,
            (Outcome::Refused | Outcome::Reset | Outcome::Broken, _) => Fate::Broken,
        };
        let since = |then: Instant| then.saturating_duration_since(began);
        Some(Self { kind: completed.kind, at: since(completed.sent), over: since(completed.done), fate })
    }

    pub(super) fn took(&self) -> Duration {
        self.over.saturating_sub(self.at)
    }
}

impl Sending {
    /// Describes the sent requests.
    pub(crate) fn told(&self) -> String {
        format!(
            "{:.0} requests a second for {:.1?} in an open loop, on at most {} connections",
            self.rate, self.lasts, self.connections
        )
    }

    /// Returns true if the generator was near its schedule: it may be late by a part of the load's length, and by no more than `most`.
    ///
    /// # Errors
    /// When it was later: then the load was not that which was to be sent.
    pub(crate) fn on_schedule(&self, most: Duration) -> Result<(), String> {
        match self.behind {
            Some(lag) if lag > most.min(self.lasts / LATENESS) => Err(format!(
                "at {:.0} requests a second keel itself fell behind its schedule, by {lag:.0?}: examine it on a machine that is \
                 less busy, or has more processors than the service uses",
                self.rate
            )),
            _ => Ok(()),
        }
    }

    /// By how much 99 of 100 left late, when that was worth telling: so much later answers may have been read too.
    pub(super) fn lag(&self) -> Option<Duration> {
        self.behind
    }

    /// Returns true if there was always a connection left.
    ///
    /// # Errors
    /// When the generator's bound of connections stood in the way of more.
    pub(super) fn had_connections(&self) -> Result<(), String> {
        if self.most_in_flight() < self.connections {
            return Ok(());
        }
        Err(format!(
            "all {} requests that keel sends at a time waited for it, and were answered in time at {:.0} a second: what it does \
             with more is not known",
            self.connections, self.rate
        ))
    }

    /// The same load with these kinds of requests alone.
    pub(super) fn of_kinds(&self, kinds: &[usize]) -> Self {
        let asked = self.asked.iter().filter(|asked| kinds.contains(&asked.kind)).copied().collect();
        Self { asked, ..self.clone() }
    }

    /// The part that is judged: what was sent once bounded queues had filled, which takes `fills`, and long enough before the end.
    pub(super) fn judged(&self, objective: Duration, fills: Duration) -> Tally {
        self.tally(objective, fills, self.judged_until(objective))
    }

    /// The end of the part that is judged: later requests were cut off before they were too late.
    pub(super) fn judged_until(&self, objective: Duration) -> Duration {
        let last = self.asked.iter().map(|asked| asked.over).max().unwrap_or_default();
        self.lasts.min(last.saturating_sub(objective))
    }

    /// Counts the outcomes of requests in an interval.
    pub(super) fn tally(&self, objective: Duration, from: Duration, to: Duration) -> Tally {
        tally(&self.asked, objective, from, to)
    }

    /// Returns the rate of the whole mix over the time until the last answer; `peace` is the latency of each kind in peace.
    ///
    /// Refusals may concern the expensive ones alone: the kind of which the smallest share is answered counts for all, when
    /// there are enough of it.
    pub(super) fn throughput(&self, peace: Duration) -> f64 {
        let of =
            |kind: Option<usize>| self.asked.iter().filter(move |asked| kind.is_none_or(|kind| asked.kind == kind));
        let share = |kind| {
            let answered = of(kind).filter(|asked| asked.fate == Fate::Answered).count();
            (of(kind).count(), answered as f64 / of(kind).count().max(1) as f64)
        };
        let last = of(None).filter(|asked| asked.fate == Fate::Answered).map(|asked| asked.over).max();
        let kinds = self.asked.iter().map(|asked| asked.kind + 1).max().unwrap_or_default();
        let shares = (0..kinds).map(|kind| share(Some(kind))).filter(|(count, _)| *count >= ENOUGH);
        let least = shares.chain([share(None)]).map(|(_, share)| share).fold(1.0, f64::min);
        let took = self.lasts.max(last.unwrap_or_default().saturating_sub(peace));
        least * self.asked.len() as f64 / took.as_secs_f64()
    }

    /// The first kind that was sent and never answered as expected.
    pub(super) fn unanswered(&self, kinds: usize) -> Option<usize> {
        (0..kinds).find(|kind| {
            let mut of = self.asked.iter().filter(|asked| asked.kind == *kind).peekable();
            of.peek().is_some() && of.all(|asked| asked.fate != Fate::Answered)
        })
    }

    /// For each kind within which time this share of its answers came; none where there were none.
    pub(crate) fn took(&self, share: f64, kinds: usize) -> Vec<Option<Duration>> {
        let of = |kind| {
            let answered = self.asked.iter().filter(|asked| asked.kind == kind && asked.fate == Fate::Answered);
            quantile(&sorted(answered.map(Asked::took)), share)
        };
        (0..kinds).map(of).collect()
    }

    /// Returns the number of requests without an answer at this time.
    pub(crate) fn in_flight(&self, at: Duration) -> usize {
        self.asked.iter().filter(|asked| asked.at <= at && at < asked.over).count()
    }

    /// The most that had none at a time.
    fn most_in_flight(&self) -> usize {
        let mut steps: Vec<(Duration, isize)> =
            self.asked.iter().flat_map(|asked| [(asked.at, 1), (asked.over, -1)]).collect();
        // Ends before beginnings: a connection that is free is used again.
        steps.sort_unstable();
        let mut now = 0_isize;
        let most = steps.into_iter().map(|(_, step)| {
            now += step;
            now
        });
        most.max().unwrap_or_default().unsigned_abs()
    }

    /// Returns the maximum number of concurrent connections.
    pub(crate) fn connections(&self) -> usize {
        self.connections
    }

    /// The length of the load.
    pub(crate) fn lasts(&self) -> Duration {
        self.lasts
    }

    /// Since the load fell.
    pub(super) fn since_the_fall(&self) -> Duration {
        self.began.elapsed().saturating_sub(self.lasts)
    }
}

impl Tally {
    fn count(&mut self, asked: &Asked, objective: Duration) {
        match asked.fate {
            Fate::Answered if asked.took() <= objective => self.in_time += 1,
            Fate::Answered => self.late += 1,
            Fate::Unanswered if asked.took() < objective => {}
            Fate::Unanswered => self.late += 1,
            Fate::Refused { status, says_when } => {
                self.refused += 1;
                self.told_when += usize::from(says_when);
                self.refusals.push(asked.took());
                *self.statuses.entry(status).or_default() += 1;
            }
            Fate::Otherwise(status) => *self.others.entry(status.to_string()).or_default() += 1,
            Fate::Broken => *self.others.entry("without a whole answer".to_owned()).or_default() += 1,
        }
    }

    /// Returns the number of requests.
    pub(super) fn sent(&self) -> usize {
        self.in_time + self.late + self.refused + self.others.values().sum::<usize>()
    }

    /// The share that was answered in time; none of nothing.
    pub(super) fn share_in_time(&self) -> f64 {
        self.in_time as f64 / (self.sent() as f64).max(1.0)
    }

    /// Answers in time a second.
    pub(super) fn goodput(&self) -> f64 {
        if self.seconds > 0.0 { self.in_time as f64 / self.seconds } else { 0.0 }
    }
}

/// Counts the outcomes of requests in an interval. Not counted: requests that were cut off before they were too late.
pub(super) fn tally(asked: &[Asked], objective: Duration, from: Duration, to: Duration) -> Tally {
    let mut tally = Tally { seconds: to.saturating_sub(from).as_secs_f64(), ..Tally::default() };
    asked.iter().filter(|asked| (from..to).contains(&asked.at)).for_each(|asked| tally.count(asked, objective));
    tally.refusals.sort_unstable();
    tally
}

pub(super) fn sorted(times: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times
}

/// Within which this share of them is; none of nothing.
pub(super) fn quantile(sorted: &[Duration], share: f64) -> Option<Duration> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64).round() as usize).copied()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// One request: sent then, over then.
    pub(in super::super) fn asked(at: u64, over: u64, fate: Fate) -> Asked {
        Asked { kind: 0, at: ms(at), over: ms(over), fate }
    }

    pub(in super::super) fn sending(lasts: Duration, asked: Vec<Asked>) -> Sending {
        let rate = asked.len() as f64 / lasts.as_secs_f64();
        Sending { rate, lasts, began: Instant::now(), asked, behind: None, connections: 3, usage: Vec::new() }
    }

    impl Sending {
        pub(in super::super) fn late_by(&mut self, lag: Duration) {
            self.behind = Some(lag);
        }
    }

    #[test]
    fn late_answers_and_late_aborts_are_not_in_time_and_early_aborts_do_not_count() {
        let refused = Fate::Refused { status: 503, says_when: true };
        let all = vec![
            asked(0, 1000, Fate::Answered),
            asked(0, 1001, Fate::Answered),
            asked(0, 5000, Fate::Unanswered),
            asked(900, 1800, Fate::Unanswered),
            asked(0, 1, refused),
            asked(0, 1, Fate::Otherwise(500)),
            asked(0, 1, Fate::Broken),
            asked(1000, 1001, Fate::Answered),
        ];
        let tally = sending(ms(1000), all).tally(ms(1000), ms(0), ms(1000));
        assert_eq!((tally.in_time, tally.late, tally.refused, tally.told_when), (1, 2, 1, 1));
        assert_eq!(tally.others, [("500".to_owned(), 1), ("without a whole answer".to_owned(), 1)].into());
        assert_eq!(tally.sent(), 6);
    }

    #[test]
    fn a_queue_that_is_worked_off_after_the_load_gives_the_throughput_of_the_work() {
        // Twenty a second for a second, each of 100 ms, one after the other.
        let all = (0..20).map(|n| asked(50 * n, 100 * (n + 1), Fate::Answered)).collect();
        let throughput = sending(ms(1000), all).throughput(ms(100));
        assert!((throughput - 20.0 / 1.9).abs() < 1e-9, "{throughput}");
    }

    #[test]
    fn a_service_that_answers_cheap_requests_alone_has_the_rate_of_the_expensive_ones() {
        let refused = Fate::Refused { status: 503, says_when: true };
        let fate = |n: u64| if n.is_multiple_of(2) || n % 8 == 1 { Fate::Answered } else { refused };
        let each = |n: u64| Asked { kind: (n % 2) as usize, ..asked(10 * n, 10 * n + 1, fate(n)) };
        let sending = sending(ms(1000), (0..80).map(each).collect());
        // All of the cheap ones, a quarter of the dear ones: of eighty a second twenty.
        assert!((sending.throughput(ms(1)) - 20.0).abs() < 1e-9, "{}", sending.throughput(ms(1)));
        assert_eq!(sending.unanswered(2), None);
    }

    #[test]
    fn a_load_that_had_every_connection_waiting_says_nothing_of_more() {
        let waits = |ends: [u64; 3]| {
            let all = ends.into_iter().map(|over| asked(10, over, Fate::Answered)).collect();
            sending(ms(1000), all).had_connections()
        };
        assert!(waits([20, 30, 40]).unwrap_err().contains("all 3 requests"));
        assert!(waits([10, 30, 40]).is_ok());
    }

    #[test]
    fn a_generator_that_was_late_sent_another_load() {
        let mut late = sending(ms(1000), vec![asked(0, 1, Fate::Answered)]);
        late.late_by(ms(150));
        assert!(late.on_schedule(ms(1000)).is_ok(), "so little only makes it less even");
        assert!(late.on_schedule(ms(100)).unwrap_err().contains("keel itself fell behind"));
        late.late_by(ms(250));
        assert!(late.on_schedule(ms(1000)).unwrap_err().contains("keel itself fell behind"));
    }
}

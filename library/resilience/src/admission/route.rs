//! A route: what is known about its latency, and its own limit, which is driven by its slow requests.

use super::anchored_limit::{AnchoredLimit, Change};
use super::occupancy::Occupancy;
use super::peak::Peak;
use super::pool::RoutePools;
use super::pool_room::UsedPools;
use super::quantile::Quantile;
use super::rate::Rate;
use super::reason::Reason;

/// Objectives over which the recent rate is averaged, and the least seconds.
pub(super) const RECENT: f64 = 0.2;
pub(super) const LEAST_RECENT: f64 = 0.1;
/// Requests stop counting by this objective, in seconds, where their own is shorter.
const LEAST_LONG: f64 = 0.5;
/// A request is slow from this share of the objective on.
const SLOW: f64 = 0.6;
/// If the route is slow without load, twice its base is slow, up to this share.
const SLOW_MOST: f64 = 0.85;
/// Above this share of the objective, the latency without load makes the objective unreachable.
const UNREACHABLE: f64 = 0.8;
/// An unreachable objective is replaced by this many times the latency without load.
const REPLACED_BY: f64 = 2.0;
/// Requests of a window of the base, and of the first one.
const WINDOW: u32 = 10;
const FIRST_WINDOW: u32 = 3;
/// Share by which a window moves the base.
const BASE_STEP: f64 = 0.2;
/// Share by which the base rises at most in a second, and the share of the objective below which it drifts as if it were that.
const DRIFT: f64 = 0.1;
const LEAST_BASE: f64 = 0.02;
/// Requests in time after which one slow request is forgiven, and the limit may grow.
const GOOD: u32 = 100;
/// Share of the limit that a cut keeps.
const KEPT: f64 = 0.7;
/// Cuts to less than this share are judged by so many requests: they are in vain when the mean latency falls by less than this share of the cut, though all
/// requests in flight have fallen by that share. Where requests were unread for more than the last share of the objective on average, the processors
/// are saturated, and no cut is in vain.
const JUDGED: f64 = 0.6;
const JUDGES: u32 = 6;
const GUARD: f64 = 0.3;
const IDLE: f64 = 0.005;
/// Objectives, or usual times in flight where those are longer, after which cuts are judged without those requests.
const PATIENCE: f64 = 2.0;
/// Objectives for which a route is not blamed after cuts in vain; twice as many after each further time, up to so many times.
const IMMUNE: f64 = 20.0;
const MOST_VAIN: u32 = 6;
/// The same for the cuts of the anchored limit.
const JUDGED_FOR: f64 = 4.0;
/// Share by which a request moves the recent mean.
const RECENT_STEP: f64 = 0.15;
/// A limit above this is none.
const NO_LIMIT: f64 = 4096.0;

/// One route.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) name: std::sync::Arc<str>,
    objective: f64,
    cores: f64,
    pub(super) in_flight: Occupancy,
    pub(super) pools: RoutePools,
    pub(super) used_pools: UsedPools,
    pub(super) queued: u32,
    /// The limit that slow requests of busy processors drive.
    limit: Option<f64>,
    /// The limit that the mean latency of this route drives: it holds what its dependencies can do.
    anchored: AnchoredLimit,
    /// Latency without load, in seconds.
    base: Option<f64>,
    window: Window,
    /// Requests that were admitted before the last change of the limit teach nothing about it.
    epoch: f64,
    good: u32,
    /// Recent mean latency.
    recent: f64,
    /// Requests that were admitted since the last change of the limit.
    since: Since,
    cut: Option<Cut>,
    immune_until: f64,
    vain: u32,
    /// Lowest limit, at the last cut.
    floor: f64,
    pub(super) h10: Quantile,
    pub(super) h90: Quantile,
    /// Ends per second, the cancelled ones too: a route whose clients all give up does work as well.
    ended: Rate,
    answered: Rate,
    answered_now: Rate,
    peak: Peak,
    pub(super) refused: [u64; Reason::ALL.len()],
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    begun: f64,
    count: u32,
    sum: f64,
    /// Requests, and sum of latencies, of those without congestion.
    calm: (u32, f64),
}

#[derive(Clone, Copy, Debug, Default)]
struct Since {
    count: u32,
    sum: f64,
    unread: f64,
    in_flight: f64,
}

/// A series of cuts without growth in between.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Requests of this route in flight before it.
    before: f64,
    /// All requests in flight before it.
    all: f64,
    /// Recent mean latency before it.
    mean: f64,
}

/// Result of one request, for the limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lesson {
    /// Nothing about limits.
    None,
    /// It was slow: a route is to blame.
    Slow,
    /// The last cuts of this route were in vain: this mean latency, in seconds, is that without load.
    InVain { mean: f64 },
}

/// End of a request of a route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) started: f64,
    /// Seconds from the arrival to the end, the wait in the gate's own queue excluded.
    pub(super) latency: f64,
    /// Seconds in flight.
    pub(super) handled: f64,
    pub(super) cancelled: bool,
    /// There was congestion between the arrival and the end.
    pub(super) congested: bool,
    /// All requests in flight at the end.
    pub(super) in_flight: f64,
    /// Limit of all requests.
    pub(super) all_limit: f64,
}

impl Route {
    pub(super) fn new(name: &str, objective: f64, cores: f64) -> Self {
        Self {
            name: name.into(),
            objective,
            cores,
            in_flight: Occupancy::new(objective.max(LEAST_LONG)),
            pools: RoutePools::default(),
            used_pools: 0,
            queued: 0,
            limit: None,
            anchored: AnchoredLimit::of_route(cores),
            base: None,
            window: Window::default(),
            epoch: 0.0,
            good: 0,
            recent: 0.0,
            since: Since::default(),
            cut: None,
            immune_until: 0.0,
            vain: 0,
            floor: cores,
            h10: Quantile::new(0.1),
            h90: Quantile::new(0.9),
            ended: Rate::over(1.0),
            answered: Rate::over(1.0),
            answered_now: Rate::over((RECENT * objective).max(LEAST_RECENT)),
            peak: Peak::default(),
            refused: [0; Reason::ALL.len()],
        }
    }

    /// Declared objective, in seconds.
    pub(super) const fn declared(&self) -> f64 {
        self.objective
    }

    /// True where an idle service already takes longer than the objective allows.
    pub(super) fn is_unreachable(&self) -> bool {
        self.base.is_some_and(|base| base > UNREACHABLE * self.objective)
    }

    /// Objective in seconds: the declared one, or what replaces it while that is unreachable.
    pub(super) fn objective(&self) -> f64 {
        match self.base {
            Some(base) if base > UNREACHABLE * self.objective => REPLACED_BY * base,
            _ => self.objective,
        }
    }

    /// The lower one of its limits, if it has any, or as many requests as are harmless.
    pub(super) fn limit(&self, now: f64) -> Option<f64> {
        let anchored = (!self.anchored.is_open()).then(|| self.anchored.get());
        let lower = [self.limit, anchored].into_iter().flatten().min_by(f64::total_cmp);
        lower.map(|limit| limit.max(self.peak.harmless(now, self.best_rate(now), self.objective(), self.cores)))
    }

    /// Notes what is in flight before it changes.
    pub(super) fn note(&mut self, now: f64, congested: bool) {
        let (in_flight, bound) = (self.in_flight.counted(), self.is_full(now));
        self.anchored.note(now, in_flight, bound, congested);
    }

    pub(super) const fn base(&self) -> Option<f64> {
        self.base
    }

    pub(super) const fn h90(&self) -> f64 {
        self.h90.get()
    }

    pub(super) fn is_full(&self, now: f64) -> bool {
        self.limit(now).is_some_and(|limit| f64::from(self.in_flight.counted()) + 1.0 > limit)
    }

    /// True when a request of this age would hardly be answered within the objective, and a fresh one would: one that takes as long as most do, or as the
    /// fastest ones where most have waited in flight for longer than the objective.
    pub(super) fn is_hopeless(&self, age: f64) -> bool {
        let most = 0.9 * self.objective();
        let takes = [self.h90.get(), self.h10.get()].into_iter().find(|takes| *takes < most);
        takes.is_some_and(|takes| age + takes > most)
    }

    /// A request was refused as hopeless. While none is in flight, nothing else would correct an estimate that is too high.
    pub(super) fn refused_as_hopeless(&mut self) {
        if self.in_flight.counted() == 0 {
            self.h90.add(0.0);
        }
    }

    /// Answers per second.
    pub(super) fn rate(&self, now: f64) -> f64 {
        self.answered.get(now)
    }

    /// Answers per second, or of the last moment when those are more: after a pause the average is lower than what the route can do.
    pub(super) fn best_rate(&self, now: f64) -> f64 {
        self.answered.get(now).max(self.answered_now.get(now))
    }

    /// Share of the work of this route, for blame.
    pub(super) fn work(&self, now: f64) -> f64 {
        self.ended.get(now) * self.base.map_or(self.h10.get(), |base| base.min(self.h10.get()))
    }

    /// True while its requests wait for each other, or for those of another route.
    pub(super) fn is_waiting(&self) -> bool {
        let Some(base) = self.base else { return false };
        let target = self.anchored.target() * self.objective;
        self.recent - base > (target - base).max(0.0) / 2.0
    }

    /// Learns from a request.
    pub(super) fn sample(&mut self, now: f64, sample: Sample, may_close: bool) -> Lesson {
        self.h10.add(sample.handled);
        self.h90.add(sample.handled);
        self.ended.add(now);
        if !sample.cancelled {
            self.answered.add(now);
            self.answered_now.add(now);
            self.peak.note(now, self.answered.settled(now));
        }
        let objective = self.objective();
        let base = self.base.unwrap_or(0.0);
        let is_slow =
            sample.cancelled || sample.latency > (SLOW * objective).max((2.0 * base).min(SLOW_MOST * objective));
        self.learn_base(now, sample);
        let is_loose = self.anchored.is_loose(self.in_flight.counted());
        let may = may_close || !is_loose;
        let (latency, age) = (sample.latency / self.objective, (sample.latency - sample.handled) / self.objective);
        if may_close && is_loose && !sample.cancelled {
            let in_flight = f64::from(self.in_flight.counted());
            let expected = in_flight / self.answered_now.get(now).max(1e-9) / self.objective;
            self.anchored.close_early(now, latency, in_flight, expected);
        }
        if self.anchored.sample(now, sample.started, latency, age, may) == Change::Undone {
            let mean = self.anchored.base().unwrap_or(0.0) * self.objective;
            self.base = Some(self.base.unwrap_or(0.0).max(mean));
        }
        let step = if self.recent > 0.0 { RECENT_STEP } else { 1.0 };
        self.recent += step * (sample.latency - self.recent);
        if sample.started >= self.epoch {
            self.since.count += 1;
            self.since.sum += sample.latency;
            self.since.unread += sample.latency - sample.handled;
            self.since.in_flight += sample.in_flight;
        }
        if let Some(mean) = self.judge_cut(now, is_slow, sample.all_limit) {
            return Lesson::InVain { mean };
        }
        if !is_slow {
            self.good = self.good.saturating_add(1);
            self.grow(now);
            return Lesson::None;
        }
        if !sample.congested || sample.started < self.epoch {
            return Lesson::None;
        }
        let forgiven = self.good >= GOOD;
        self.good = 0;
        if forgiven { Lesson::None } else { Lesson::Slow }
    }

    /// Cuts the limit, once for all requests that were admitted before the last change.
    pub(super) fn blame(&mut self, now: f64, started: f64, all: f64) {
        if started < self.epoch || now < self.immune_until || self.is_judged(now) {
            return;
        }
        let in_flight = f64::from(self.in_flight.counted()).min(self.limit.unwrap_or(f64::INFINITY));
        self.floor = self.cores.max(self.rate(now) * self.base.unwrap_or(0.0) + 1.0);
        let limit = (KEPT * in_flight).max(self.floor);
        if self.limit.is_some_and(|now| limit >= now) {
            return;
        }
        self.cut.get_or_insert(Cut { before: in_flight, all, mean: self.recent });
        self.limit = Some(limit);
        self.change(now);
    }

    /// True while the last cuts are judged: by some requests that were admitted since, or after the time in which those should have ended.
    fn is_judged(&self, now: f64) -> bool {
        let is_deep = matches!((self.cut, self.limit), (Some(cut), Some(limit)) if limit <= JUDGED * cut.before);
        is_deep && now - self.epoch < PATIENCE * self.objective.max(self.h10.get())
    }

    /// If requests wait for each other, a lower limit shortens their latency. Where it does not, the limit goes, and the latency is that without load.
    fn judge_cut(&mut self, now: f64, is_slow: bool, all_limit: f64) -> Option<f64> {
        let limit = self.limit?;
        let Since { count, sum, unread, in_flight } = self.since;
        if count < JUDGES {
            return None;
        }
        let count = f64::from(count);
        let deep = self.cut.filter(|cut| limit <= JUDGED * cut.before);
        let no_shorter = deep.is_some_and(|cut| {
            let kept = 1.0 - GUARD * (1.0 - limit / cut.before);
            in_flight < kept * cut.all * count && sum > cut.mean * kept * count
        });
        // At the lowest limit, with places to spare for all: nothing that this gate does can shorten it.
        let is_alone = is_slow && limit <= self.floor && in_flight <= (2.0 * self.cores).max(all_limit / 2.0) * count;
        let in_vain = unread < IDLE * self.objective * count && (no_shorter || is_alone);
        if in_vain {
            self.base = Some(self.base.unwrap_or(0.0).max(sum / count));
            self.limit = None;
            self.immune_until = now + IMMUNE * f64::from(1_u32 << self.vain) * self.objective;
            self.vain = (self.vain + 1).min(MOST_VAIN);
            self.change(now);
        } else if deep.is_some() {
            self.vain = 0;
        }
        if in_vain || deep.is_some() {
            self.cut = None;
        }
        in_vain.then_some(sum / count)
    }

    fn change(&mut self, now: f64) {
        (self.epoch, self.good, self.since) = (now, 0, Since::default());
    }

    /// Widens the limit after a time without congestion.
    pub(super) fn relax(&mut self, now: f64) {
        self.limit = self.limit.map(|limit| 2.0 * limit).filter(|limit| *limit < NO_LIMIT);
        self.anchored.widen(now, JUDGED_FOR * self.objective.max(self.recent));
    }

    /// Takes the measured latency as that without load: a lower limit has not shortened it.
    pub(super) fn raise_base(&mut self) {
        let Window { count, sum, .. } = self.window;
        if count >= WINDOW {
            self.base = Some(self.base.unwrap_or(0.0).max(sum / f64::from(count)));
        }
    }

    fn grow(&mut self, now: f64) {
        let Some(limit) = self.limit else { return };
        if f64::from(self.good) < (2.0 * limit).max(f64::from(GOOD)) {
            return;
        }
        self.good = 0;
        // Only where the limit was used.
        if self.queued > 0 || f64::from(self.in_flight.counted()) + 2.0 > limit {
            self.limit = Some(limit + (0.1 * limit).max(1.0)).filter(|limit| *limit < NO_LIMIT);
            self.cut = None;
            self.change(now);
        }
    }

    fn learn_base(&mut self, now: f64, sample: Sample) {
        let window = &mut self.window;
        window.count += 1;
        window.sum += sample.latency;
        if !sample.congested {
            window.calm.0 += 1;
            window.calm.1 += sample.latency;
        }
        let enough = if self.base.is_none() { FIRST_WINDOW } else { WINDOW };
        if window.calm.0 >= enough {
            let mean = window.calm.1 / f64::from(window.calm.0);
            let most = DRIFT * (now - window.begun).max(0.0);
            self.base = Some(self.base.map_or(mean, |base| {
                base + (BASE_STEP * (mean - base)).min(most * base.max(LEAST_BASE * self.objective))
            }));
            *window = Window { begun: now, ..Window::default() };
        } else if window.count >= 2 * WINDOW {
            let mean = window.sum / f64::from(window.count);
            self.base = self.base.map(|base| base + BASE_STEP * (mean - base).min(0.0));
            *window = Window { begun: now, ..Window::default() };
        }
    }
}

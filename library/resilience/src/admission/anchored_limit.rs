//! A limit of requests in flight that is anchored to the objective: that of all requests, and that of each route.
//!
//! The mean latency (age of the unread request plus time in flight) of a window is compared with a target between the latency without load and the
//! objective. There is no search for a minimum latency: a wrong base moves the target, but never beyond nine tenths of the objective. Latencies are in
//! units of the objective of their route, so that routes with different objectives share one limit.

/// First limit: enough for handlers that wait when nothing is known about them; the first windows cut it where they compute.
const FIRST: f64 = 86.0;
/// The highest limit; at this one it is open: it admits everything.
const MOST: f64 = 100_000.0;
/// An open limit closes when the mean latency of this many requests is clearly above this share of the objective, and above so many times the base.
const CLOSES: (u32, f64, f64) = (20, 0.5, 1.5);
/// It closes sooner when this many requests in a row took so many times the base, the number in flight grew by this share of them meanwhile, and the next
/// request would take longer than this share of the objective: what is in flight waits for each other.
const RUN: u32 = 20;
const LONGER: f64 = 1.5;
const GROWN: f64 = 0.5;
const EXPECTED: f64 = 0.6;
/// Share by which the base of an open limit rises at most in a second: a latency that load makes grow does not become the base.
const DRIFT: f64 = 0.1;
/// A base below this share of the objective drifts as if it were this long.
const LEAST_BASE: f64 = 0.02;
/// Share of the time between base and objective that may be spent on queueing inside.
const ALPHA: f64 = 0.1;
/// Up to this mean, the first one is taken as that without load.
const GUESSED: f64 = 0.5;
/// Requests and seconds of a window; a window with few requests ends after a longer time.
const WINDOW: (u32, f64) = (20, 0.05);
const SLOW_WINDOW: (u32, f64) = (3, 1.0);
/// Requests after which a window ends although its mean is not clear.
const ENOUGH: u32 = 200;
/// A limit that is so many times the number in flight does not hold its requests.
const LOOSE: f64 = 1.2;
/// A limit of a route that is widened beyond this is open.
const WIDEST: f64 = 4096.0;
/// Share by which a window without limits moves the base.
const BASE_STEP: f64 = 0.2;
/// Cuts to less than this share are judged: they are undone when throughput falls by more than the first share of the cut, and the mean latency by less than
/// the second.
const JUDGED: f64 = 0.6;
const GUARD: (f64, f64) = (0.7, 0.3);
/// They are never undone where requests were unread for more than this share of the objective on average: then the processors are saturated.
const IDLE: f64 = 0.005;
/// The limit grows only where this share of it was used on average.
const USED: f64 = 0.5;
/// A mean below this many times the base shows no waiting at all.
const FLAT: f64 = 1.15;
/// Factors of the limit in one step.
const MOST_CUT: f64 = 0.5;
const MOST_GROWTH: f64 = 1.5;
const FLAT_GROWTH: f64 = 1.6;

/// The limit and its current window.
#[derive(Clone, Debug)]
pub(super) struct AnchoredLimit {
    limit: f64,
    is_of_route: bool,
    least: f64,
    /// Mean latency without load, in objectives.
    base: Option<f64>,
    /// Requests admitted before are those of another limit, and teach nothing about this one.
    epoch: f64,
    window: Window,
    cut: Option<Cut>,
    growth: Growth,
}

/// Requests in a row that show a queue which grows.
#[derive(Clone, Copy, Debug, Default)]
struct Growth {
    count: u32,
    /// Number in flight at the end of the first one.
    from: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    begun: f64,
    count: u32,
    sum: f64,
    squares: f64,
    /// Part of the sum for which requests were unread.
    unread: f64,
    /// Requests that ended in the window, those of another epoch too.
    ended: u32,
    /// Integral of the number in flight, until `integrated`.
    in_flight: f64,
    integrated: f64,
    /// Number in flight at that moment.
    latest: f64,
    /// The limit was reached, or requests came old.
    pressed: bool,
    /// The limit was reached.
    bound: bool,
    /// The limit does not change.
    fixed: bool,
}

/// A series of cuts without growth in between, compared with the window before it.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// The limit before it, to which it is undone.
    restored: f64,
    /// Requests that the limit admitted before it: the limit, or for an open one the number in flight.
    limit: f64,
    throughput: f64,
    mean: f64,
    /// It is not the first cut of the series.
    again: bool,
}

/// Changes of one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    /// Nothing.
    None,
    /// A cut was undone: the latency does not come from the load that the limit admits.
    Undone,
    /// The limit, or the base.
    Learnt,
}

impl Cut {
    /// If requests wait for each other, a lower limit shortens the latency and leaves the throughput. If they do not, it is the other way round.
    fn was_in_vain(self, limit: f64, throughput: f64, mean: f64) -> bool {
        let cut = 1.0 - limit / self.limit;
        throughput < self.throughput * (1.0 - GUARD.0 * cut) && mean > self.mean * (1.0 - GUARD.1 * cut)
    }
}

impl AnchoredLimit {
    /// Creates the limit of all requests.
    pub(super) fn of_all(cores: f64) -> Self {
        let least = 2.0 * cores;
        Self {
            limit: FIRST.max(least),
            is_of_route: false,
            least,
            base: None,
            epoch: 0.0,
            window: Window::default(),
            cut: None,
            growth: Growth::default(),
        }
    }

    /// Creates the limit of a route, which is open.
    pub(super) fn of_route(cores: f64) -> Self {
        Self { limit: MOST, is_of_route: true, ..Self::of_all(cores) }
    }

    /// True while it admits everything.
    pub(super) fn is_open(&self) -> bool {
        self.limit >= MOST
    }

    /// True while it admits far more than this many requests.
    pub(super) fn is_loose(&self, in_flight: u32) -> bool {
        self.limit > LOOSE * f64::from(in_flight)
    }

    /// Doubles the limit of a route after a time without congestion.
    pub(super) fn widen(&mut self, now: f64, patience: f64) {
        // A cut whose result is still to come would never be judged.
        let is_judged = self.is_judged() && now - self.epoch < patience;
        if !self.is_open() && !is_judged {
            self.limit = if self.limit >= WIDEST { MOST } else { 2.0 * self.limit };
            self.cut = None;
        }
    }

    /// Doubles the limit of all requests after a time without congestion, up to the first one: what it was learnt from is over.
    pub(super) fn forget(&mut self) {
        if !self.is_judged() && self.limit < FIRST {
            (self.limit, self.cut) = ((2.0 * self.limit).min(FIRST), None);
        }
    }

    pub(super) const fn get(&self) -> f64 {
        self.limit
    }

    pub(super) const fn base(&self) -> Option<f64> {
        self.base
    }

    /// Notes that this many requests were in flight until now, and whether the limit was reached or requests came old.
    pub(super) fn note(&mut self, now: f64, in_flight: u32, bound: bool, pressed: bool) {
        let window = &mut self.window;
        window.in_flight += f64::from(in_flight) * (now - window.integrated).max(0.0);
        window.integrated = now.max(window.integrated);
        window.latest = f64::from(in_flight);
        window.bound |= bound;
        window.pressed |= pressed || bound;
    }

    /// Takes the latency of a request that was started then, and its age when it was read, in objectives; ends the window when it is long enough. The limit
    /// changes only where it `may`, else the base alone is learnt.
    pub(super) fn sample(&mut self, now: f64, started: f64, latency: f64, age: f64, may: bool) -> Change {
        let window = &mut self.window;
        window.fixed |= !may;
        window.ended += 1;
        if started >= self.epoch {
            if window.count == 0 && self.cut.is_some() {
                // What ended before was admitted before the cut, and says nothing about the throughput that it leaves.
                (window.begun, window.ended, window.in_flight) = (now, 1, 0.0);
            }
            window.count += 1;
            window.sum += latency;
            window.squares += latency * latency;
            window.unread += age;
        }
        let age = now - window.begun;
        let is_long = |(count, seconds): (u32, f64)| window.count >= count && age >= seconds;
        if is_long(WINDOW) || is_long(SLOW_WINDOW) { self.judge(now) } else { Change::None }
    }

    /// Closes a loose limit when the requests in flight wait for each other. `expected`: time that the next request will take by Little's law, in objectives.
    /// Call it after each request that counts.
    pub(super) fn close_early(&mut self, now: f64, latency: f64, in_flight: f64, expected: f64) {
        let is_longer = |base: f64| latency > LONGER * base && expected > EXPECTED.max(2.0 * base);
        if !self.base.is_some_and(is_longer) {
            self.growth = Growth::default();
            return;
        }
        if self.growth.count == 0 {
            self.growth.from = in_flight;
        }
        self.growth.count += 1;
        if self.growth.count < RUN {
            return;
        }
        let grown = in_flight - self.growth.from >= GROWN * f64::from(RUN);
        self.growth = Growth::default();
        if grown {
            let throughput = in_flight / expected;
            self.cut = Some(Cut { restored: self.limit, limit: in_flight, throughput, mean: expected, again: true });
            self.limit = (self.target() * throughput).max(self.least).min(self.limit);
            self.begin(now, true);
        }
    }

    /// Takes the latency of a calm route, in objectives, as that without load while nothing better is known and it is a long one. The first requests that end
    /// are the short ones: a short latency is no guess.
    pub(super) fn guess_base(&mut self, base: f64) {
        if base > GUESSED {
            self.base.get_or_insert(base);
        }
    }

    /// True while it is not known yet whether deep cuts have shortened the latency.
    pub(super) fn is_judged(&self) -> bool {
        self.cut.is_some_and(|cut| self.limit <= JUDGED * cut.limit)
    }

    /// Takes this latency, in objectives, as one without load, and undoes the cuts.
    pub(super) fn raise_base(&mut self, now: f64, mean: f64) {
        self.base = Some(self.base.unwrap_or(0.0).max(mean));
        self.restore(now);
    }

    /// Goes back to the limit before the last cuts.
    fn restore(&mut self, now: f64) {
        self.limit = self.cut.take().map_or(self.limit, |cut| cut.restored.max(self.limit));
        self.begin(now, true);
    }

    pub(super) fn target(&self) -> f64 {
        let base = self.base.unwrap_or(0.0);
        (base + (ALPHA * (1.0 - base)).max(base / 2.0)).min((1.25 * base).max(0.9))
    }

    fn judge(&mut self, now: f64) -> Change {
        let window = self.window;
        let count = f64::from(window.count);
        let mean = window.sum / count;
        let variance = (window.squares / count - mean * mean).max(0.0);
        let doubt = 2.0 * (variance / count).sqrt();
        let seconds = (now - window.begun).max(1e-3);
        let (throughput, in_flight) = (f64::from(window.ended) / seconds, window.in_flight / seconds);
        let target = self.target();

        let (enough, share, times) = CLOSES;
        // A limit that was widened and is far from its requests is as good as open.
        let is_loose = self.is_open() || (self.is_of_route && !window.bound);
        let closes = is_loose && window.count >= enough && {
            let bound = share.max(times * self.base.unwrap_or(mean));
            mean - doubt > bound
        };
        if let Some(cut) = self.cut.filter(|_| window.bound)
            && self.limit <= JUDGED * cut.limit
        {
            // The throughput of a route whose requests end in clumps says nothing.
            let throughput = if self.is_of_route { 0.0 } else { throughput };
            if window.unread < IDLE * count && cut.was_in_vain(self.limit, throughput, mean) {
                self.base = Some(self.base.unwrap_or(0.0).max(cut.mean));
                self.restore(now);
                return Change::Undone;
            }
            self.cut = None;
        }
        if window.fixed || !(window.pressed || closes) || (self.is_open() && !closes) {
            self.cut = None;
            if window.fixed && mean < target {
                // The processors had time to spare beside these.
                self.limit = self.limit.max(in_flight.min(FIRST));
            }
            self.learn_base(mean, seconds);
            self.begin(now, false);
            return Change::Learnt;
        }
        match self.base {
            Some(base) if mean < base => self.base = Some(base + BASE_STEP * (mean - base)),
            Some(_) => {}
            // The first guess; later ones follow down.
            None => self.base = Some(if mean <= GUESSED { mean } else { ALPHA }),
        }
        if mean - doubt < target && target < mean && window.count < ENOUGH {
            return Change::None;
        }
        let is_slow = mean - doubt / 2.0 > target;
        if is_slow && self.limit <= self.least && window.unread < IDLE * count {
            // So few requests do not wait for each other.
            self.base = Some(mean);
            self.restore(now);
            return Change::Undone;
        }
        if is_slow {
            let kept = (target / mean).max(MOST_CUT);
            let before = if is_loose { in_flight.max(window.latest) } else { (1.25 * in_flight).max(window.latest) };
            let limit = (self.limit.min(before) * kept).max(self.least);
            if limit < self.limit {
                // The first window of a series can still hold the latency of earlier load.
                match &mut self.cut {
                    Some(cut) if !cut.again => (cut.again, cut.mean) = (true, cut.mean.min(mean)),
                    Some(_) => {}
                    None => {
                        let before = if is_loose { before } else { self.limit };
                        self.cut = Some(Cut { restored: self.limit, limit: before, throughput, mean, again: false });
                    }
                }
                self.limit = limit;
                self.begin(now, true);
            } else {
                self.begin(now, false);
            }
        } else if mean < target && window.bound && in_flight > USED * self.limit {
            let is_flat = self.base.is_some_and(|base| mean < FLAT * base);
            let growth = if is_flat { FLAT_GROWTH } else { (target / mean.max(1e-6)).min(MOST_GROWTH) };
            self.limit = (self.limit * growth + 1.0).min(MOST);
            self.cut = None;
            self.begin(now, true);
        } else {
            self.begin(now, false);
        }
        Change::Learnt
    }

    /// Moves the base towards the mean of a window in which nothing was limited.
    fn learn_base(&mut self, mean: f64, seconds: f64) {
        self.base = Some(self.base.map_or(mean, |base| {
            let step = BASE_STEP * (mean - base);
            base + step.min(DRIFT * seconds * base.max(LEAST_BASE))
        }));
    }

    fn begin(&mut self, now: f64, anew: bool) {
        self.window = Window { begun: now, integrated: now, ..Window::default() };
        if anew {
            self.epoch = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests of this latency, in objectives, while so many are in flight: 100 in a second.
    fn requests(limit: &mut AnchoredLimit, from: f64, count: u32, latency: f64, in_flight: u32) -> f64 {
        let mut now = from;
        for _ in 0..count {
            now += 0.01;
            let bound = f64::from(in_flight) + 1.0 > limit.get();
            limit.note(now, in_flight, bound, false);
            limit.sample(now, now - 0.001, latency, 0.0, true);
        }
        now
    }

    #[test]
    fn a_widened_limit_of_a_route_closes_again_when_its_requests_wait_for_each_other() {
        // The control: requests that are answered in time leave the limit as it is.
        for (latency, closes) in [(1.5, true), (0.15, false)] {
            let mut limit = AnchoredLimit::of_route(1.0);
            let now = requests(&mut limit, 0.0, 100, 0.1, 2);
            // Closed by an overload, and widened since.
            limit.limit = 300.0;
            requests(&mut limit, now, CLOSES.0 + 5, latency, 100);
            assert_eq!(limit.get() < 100.0, closes, "{}", limit.get());
        }
    }

    #[test]
    fn the_limit_of_all_requests_follows_what_idle_processors_do_in_time_and_is_forgotten_in_calm() {
        let mut limit = AnchoredLimit::of_all(1.0);
        requests(&mut limit, 0.0, 100, 0.1, 2);
        limit.limit = 4.0;
        for number in 1..100 {
            let now = 10.0 + f64::from(number) * 0.01;
            limit.note(now, 40, false, false);
            limit.sample(now, now - 0.001, 0.1, 0.0, false);
        }
        assert!(limit.get() > 30.0, "{}", limit.get());
        limit.limit = 4.0;
        (0..3).for_each(|_| limit.forget());
        assert!(limit.get() == 32.0, "{}", limit.get());
        (0..3).for_each(|_| limit.forget());
        assert!(limit.get() == FIRST, "{}", limit.get());
    }
}

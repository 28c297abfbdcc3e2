//! Ration: how many requests of each client are read while the processors are overloaded.
//!
//! The gate's queue shares what is executed, but a request has been read when it gets there. Where reading and refusing cost much, one client with many
//! connections takes the processors by that alone. The ration decides before that, by the first bytes: in each window a route takes little more requests than it
//! answers, shared between clients by max-min fairness (Bertsekas, Gallager, "Data Networks", 1992, 6.5.2), the higher class first. A client that asks for
//! less than an equal share gets all of it, and one client alone gets everything.

use std::collections::BTreeMap;

use super::queue::MAX_ROUTES;
use crate::criticality::Criticality;

/// Most pairs of a client and a route with a count of their own; more clients share 256 counts by hash.
pub const MAX_FLOWS: usize = 4096;
const SHARED: u64 = 256;
/// Seconds of a window.
const WINDOW: f64 = 0.1;
/// Requests that a route takes for each one that it answers: more than it can do, so that the gate decides about the last ones, and so that the number
/// grows while it can.
const GROWTH: f64 = 1.25;
/// Windows in which the most answers of a route fade.
const FADES: f64 = 300.0;
/// Requests that a route takes in a window at any rate of answers.
const LEAST: f64 = 1.0;
/// Windows that a client can save up, and requests beyond that.
const BURST: f64 = 2.0;
const FIRST: f64 = 1.0;
/// Times its share, what a client asks for that is far over it, if it is also more than all others ask for together: equal clients differ by chance.
const FAR: f64 = 2.0;
/// Share by which a window moves the demand of a client.
const STEP: f64 = 0.3;
/// A client whose demand has fallen below this is forgotten: after so many windows at least. What it could have had meanwhile is what it begins with.
const FORGOTTEN: f64 = 0.01;
const REMEMBERED: f64 = 13.0;
/// Windows without a request after which everything is forgotten: the overload is another one.
const PAUSE: f64 = 10.0;
const CLASSES: usize = Criticality::ALL.len();
/// The place of requests of unknown route, and of all routes together.
const ALL_ROUTES: u16 = MAX_ROUTES as u16;

/// Requests of a client on a route, of one class.
#[derive(Clone, Copy, Debug)]
struct Flow {
    /// Requests in this window, and in a usual one.
    asked: u32,
    demand: f64,
    tokens: f64,
    /// Windows since the first one, at which `tokens` was counted.
    at: f64,
}

/// Verdict about a request before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Share {
    /// It is within the share of its client: it is to be read.
    Within,
    /// Its client has had its share: the queue decides about it, and [`AdmissionCore::ration`](super::AdmissionCore::ration) says `Within`.
    Over,
    /// Its client asks for more than twice its share, and for more than all others together, while others ask for less than theirs: it is to be refused, and a client that waits for the refusal
    /// before it asks again is slowed down by a late one.
    FarOver,
}

/// A route: what each client can have of it.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// Requests in a window of one client, by class.
    level: [f64; CLASSES],
    /// Half of what all clients ask for where some ask for less than their share, by class; else infinite.
    half: [f64; CLASSES],
    /// The most answers a second of the last time.
    peak: f64,
    /// Requests in a window of all clients.
    budget: f64,
    /// Rest of the budget, and the time at which it was counted: a bound for many clients that come once each.
    left: f64,
    at: f64,
}

impl Level {
    const OPEN: Self = Self {
        level: [f64::INFINITY; CLASSES],
        half: [f64::INFINITY; CLASSES],
        peak: 0.0,
        budget: f64::INFINITY,
        left: f64::INFINITY,
        at: 0.0,
    };
}

/// Route, class from the highest on, and client.
type Key = (u16, u8, u64);

/// Ration of requests to be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Ration {
    flows: BTreeMap<Key, Flow>,
    shares: Vec<Level>,
    /// Start of the window, in windows since the birth of the gate.
    begun: f64,
}

/// Answers per second of a route; of all routes where there is none.
pub(super) type Answers<'a> = &'a dyn Fn(Option<u16>) -> f64;

impl Ration {
    /// Counts a request, and returns whether it is to be read. Ask only while the processors are overloaded, once for each request.
    ///
    /// A request above the default class is within the ration of its route or of all routes: a rise of such requests displaces others first.
    pub(super) fn takes(
        &mut self,
        now: f64,
        route: Option<u16>,
        class: Criticality,
        client: u64,
        answers: Answers<'_>,
    ) -> Share {
        let now = now / WINDOW;
        self.pass_time(now, answers);
        let own = self.spend(now, route.unwrap_or(ALL_ROUTES), class, client);
        if own == Share::Within || class <= Criticality::Default || route.is_none() {
            return own;
        }
        self.spend(now, ALL_ROUTES, class, client)
    }

    /// Clients and routes that are counted.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.flows.len()
    }

    fn spend(&mut self, now: f64, route: u16, class: Criticality, client: u64) -> Share {
        let share = self.shares.get(usize::from(route)).copied().unwrap_or(Level::OPEN);
        let level = share.level[class as usize];
        let order = (CLASSES - 1 - class as usize) as u8;
        let key = (route, order, client);
        let key = match self.flows.contains_key(&key) || self.flows.len() < MAX_FLOWS {
            true => key,
            false => (route, order, client % SHARED),
        };
        let most = BURST * level + FIRST;
        // Beyond all bounds by one for each route and class that clients share.
        let first = || (REMEMBERED * level + if level > 0.0 { draw(client, self.begun) } else { 0.0 }).min(most);
        let flow = self.flows.entry(key).or_insert_with(|| Flow { asked: 0, demand: 0.0, tokens: first(), at: now });
        flow.asked = flow.asked.saturating_add(1);
        flow.tokens = if level.is_finite() { (flow.tokens + level * (now - flow.at)).min(most) } else { most };
        flow.at = now;
        if flow.tokens < 1.0 {
            let is_far = flow.demand > share.half[class as usize].max(FAR * level);
            return if is_far { Share::FarOver } else { Share::Over };
        }
        let Some(share) = self.shares.get_mut(usize::from(route)) else { return Share::Within };
        if share.budget.is_finite() {
            share.left = (share.left + BURST * share.budget * (now - share.at)).min(BURST * share.budget + FIRST);
            share.at = now;
            if share.left < 1.0 {
                return Share::Over;
            }
            share.left -= 1.0;
        }
        flow.tokens -= 1.0;
        Share::Within
    }

    /// Begins a new window when it is time to.
    fn pass_time(&mut self, now: f64, answers: Answers<'_>) {
        if now - self.begun < 1.0 {
            return;
        }
        if now - self.begun >= PAUSE || self.flows.is_empty() {
            // Nothing is known of the clients yet: the first window is open.
            (self.flows, self.shares, self.begun) = (BTreeMap::new(), Vec::new(), now);
            return;
        }
        let windows = (now - self.begun).floor();
        self.begun += windows;
        for flow in self.flows.values_mut() {
            let asked = f64::from(std::mem::take(&mut flow.asked)) / windows;
            // The first window of a client says all that is known.
            let step = if flow.demand > 0.0 { STEP } else { 1.0 };
            flow.demand += step * (asked - flow.demand);
        }
        self.flows.retain(|_, flow| flow.demand >= FORGOTTEN);
        self.shares
            .iter_mut()
            .for_each(|share| *share = Level { left: share.left, at: share.at, peak: share.peak, ..Level::OPEN });
        let mut flows = self.flows.iter().peekable();
        // One round for each route: bounded by the flows.
        while let Some(((route, ..), _)) = flows.peek() {
            let route = *route;
            let rate = answers((route != ALL_ROUTES).then_some(route));
            let index = usize::from(route);
            if self.shares.len() <= index {
                self.shares.resize(index + 1, Level::OPEN);
            }
            let was = self.shares[index];
            // Where what is read is not answered, less would be read, and less answered: what it could do counts.
            let peak = rate.max(was.peak * (1.0 - windows / FADES).max(0.0));
            let budget = GROWTH * peak * WINDOW + LEAST;
            let (mut left, mut level, mut half) = (budget, [f64::INFINITY; CLASSES], [f64::INFINITY; CLASSES]);
            // The highest class is first.
            while let Some(((of, order, _), _)) = flows.peek()
                && *of == route
            {
                let order = *order;
                let mut demands = Vec::new();
                while let Some((_, flow)) = flows.next_if(|((of, other, _), _)| (*of, *other) == (route, order)) {
                    demands.push(flow.demand);
                }
                let of_class = water_level(&mut demands, left);
                level[CLASSES - 1 - usize::from(order)] = of_class;
                // They are sorted now.
                if demands.first().is_some_and(|least| *least <= of_class) {
                    half[CLASSES - 1 - usize::from(order)] = demands.iter().sum::<f64>() / 2.0;
                }
                left = (left - demands.iter().map(|demand| demand.min(of_class)).sum::<f64>()).max(0.0);
            }
            let (filled, at) = if was.left.is_finite() { (was.left, was.at) } else { (BURST * budget, now) };
            self.shares[index] = Level { level, half, peak, budget, left: filled, at };
        }
    }
}

/// Draws a number from 0 to 1: clients that come once each, and could have less than one request each, are taken by lot.
fn draw(client: u64, window: f64) -> f64 {
    // Fibonacci hashing (Knuth, "The Art of Computer Programming", volume 3, 6.4); keys of clients are hashes already.
    let mixed = (client ^ (window as u64).rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// Returns the level up to which each demand is met, so that all together are the budget; infinite when all are met.
fn water_level(demands: &mut [f64], budget: f64) -> f64 {
    demands.sort_by(f64::total_cmp);
    let mut left = budget;
    for (index, demand) in demands.iter().enumerate() {
        let equal = left / (demands.len() - index) as f64;
        if *demand > equal {
            return equal;
        }
        left -= demand;
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Windows that are played, and those of them that are judged.
    const PLAYED: u32 = 60;
    const FROM: u32 = 20;

    /// Plays requests at even distances, `demands` in a window of each client, while `answers` are given in a window; returns those that each client
    /// took in a judged window, on average.
    fn play(demands: &[(Criticality, f64)], answers: f64) -> Vec<f64> {
        let mut ration = Ration::default();
        let mut events: Vec<(f64, usize)> = Vec::new();
        for (client, (_, demand)) in demands.iter().enumerate() {
            let requests = (f64::from(PLAYED) * demand) as u32;
            // No two clients at the same moments.
            let shift = client as f64 / demands.len() as f64;
            events.extend((0..requests).map(|request| ((f64::from(request) + shift) / demand, client)));
        }
        events.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut taken = vec![0.0; demands.len()];
        for (at, client) in events {
            let class = demands[client].0;
            let share = ration.takes(at * WINDOW, Some(0), class, client as u64, &|_| answers / WINDOW);
            if share == Share::Within && at >= f64::from(FROM) {
                taken[client] += 1.0 / f64::from(PLAYED - FROM);
            }
        }
        taken
    }

    /// Plays clients of the default class.
    fn equals(demands: &[f64], answers: f64) -> Vec<f64> {
        let demands: Vec<_> = demands.iter().map(|demand| (Criticality::Default, *demand)).collect();
        play(&demands, answers)
    }

    #[test]
    fn a_client_with_less_than_its_share_gets_all_of_it_beside_one_that_asks_for_too_much() {
        let mut demands = vec![3.0; 16];
        demands.push(300.0);
        let taken = equals(&demands, 80.0);
        assert!(taken[..16].iter().all(|taken| *taken >= 0.98 * 3.0), "{taken:?}");
        // The rest is its own, and no more.
        assert!((45.0..60.0).contains(&taken[16]), "{taken:?}");
    }

    #[test]
    fn one_client_alone_gets_more_than_can_be_answered() {
        for answers in [2.0, 80.0, 1000.0] {
            let taken = equals(&[10.0 * answers], answers)[0];
            assert!(taken > 1.15 * answers && taken < 2.0 * answers + LEAST, "{taken} of {answers}");
        }
    }

    #[test]
    fn clients_below_what_can_be_answered_are_never_refused() {
        let taken = equals(&[1.0, 10.0, 40.0], 60.0);
        assert!(
            (taken[0] - 1.0).abs() < 0.1 && (taken[1] - 10.0).abs() < 0.1 && (taken[2] - 40.0).abs() < 0.1,
            "{taken:?}"
        );
    }

    #[test]
    fn a_higher_class_is_met_before_a_lower_one() {
        let demands = [(Criticality::Sheddable, 50.0), (Criticality::Default, 50.0), (Criticality::Critical, 50.0)];
        let taken = play(&demands, 60.0);
        assert!(taken[2] > 49.0 && (20.0..32.0).contains(&taken[1]) && taken[0] < 0.1, "{taken:?}");
    }

    #[test]
    fn a_route_takes_what_it_could_do_while_it_answers_nothing_for_a_moment() {
        let mut ration = Ration::default();
        let mut taken = 0;
        for request in 0..5000 {
            let now = f64::from(request) * 0.001;
            let answers = if now < 1.0 { 200.0 } else { 0.0 };
            let share = ration.takes(now, Some(0), Criticality::Default, 1, &|_| answers);
            taken += u32::from(now >= 4.0 && share == Share::Within);
        }
        assert!((180..260).contains(&taken), "{taken}");
    }

    #[test]
    fn only_a_client_far_over_its_share_beside_others_below_theirs_is_far_over() {
        for (others, expected) in [(0, Share::Over), (4, Share::FarOver)] {
            let mut ration = Ration::default();
            let mut seen = Vec::new();
            for request in 0..4000 {
                let now = f64::from(request) * 0.001;
                let mut ask = |client| ration.takes(now, Some(0), Criticality::Default, client, &|_| 200.0);
                seen.push(ask(9));
                if request % 100 == 0 {
                    assert!((0..others).all(|other| ask(other) == Share::Within));
                }
            }
            let of = |share| seen[2000..].iter().filter(|seen| **seen == share).count();
            assert!(of(expected) > 1000 && of(expected) + of(Share::Within) == 2000, "{expected:?}");
        }
    }

    #[test]
    fn clients_are_bounded_and_forgotten() {
        let mut ration = Ration::default();
        let mut taken = 0;
        for client in 0..100_000_u64 {
            let now = client as f64 * 1e-4;
            let share = ration.takes(now, Some(3), Criticality::Default, client, &|_| 100.0);
            taken += u32::from(share == Share::Within);
            assert!(ration.len() <= MAX_FLOWS + SHARED as usize);
        }
        // Each of them comes once, and all together get as much as can be answered in these 10 s, and little more than twice that.
        assert!((1000..2900).contains(&taken), "{taken}");
        for step in 0..50 {
            let _ = ration.takes(10.0 + f64::from(step) * WINDOW, None, Criticality::Default, 1, &|_| 100.0);
        }
        assert_eq!(ration.len(), 1);
    }

    #[test]
    fn another_overload_begins_without_the_counts_of_the_last_one() {
        let mut ration = Ration::default();
        let mut takes = |now: f64| ration.takes(now, Some(0), Criticality::Default, 1, &|_| 0.0) == Share::Within;
        let first = (0..200).filter(|request| takes(f64::from(*request) * 0.01)).count();
        assert!(first < 50, "{first}");
        assert!((0..20).all(|request| takes(60.0 + f64::from(request) * 0.001)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// No client gets less than what it asks for or than an equal share of what can be answered.
        #[test]
        fn shares_are_max_min_fair(demands in proptest::collection::vec(0.2..60.0_f64, 1..24), answers in 5.0..200.0_f64) {
            let taken = equals(&demands, answers);
            let level = water_level(&mut demands.clone(), answers);
            for (demand, taken) in demands.iter().zip(&taken) {
                let fair = demand.min(level);
                prop_assert!(*taken >= 0.95 * fair - 0.1, "{taken} of {fair}, {demands:?}");
            }
            prop_assert!(taken.iter().sum::<f64>() <= 1.1 * (GROWTH * answers + LEAST) + 1.0, "{taken:?}");
        }

        #[test]
        fn the_level_divides_the_budget(mut demands in proptest::collection::vec(0.0..100.0_f64, 0..40), budget in 0.0..1000.0_f64) {
            let level = water_level(&mut demands, budget);
            let met: f64 = demands.iter().map(|demand| demand.min(level)).sum();
            prop_assert!(met <= budget + 1e-6);
            prop_assert!(level.is_infinite() || (met - budget).abs() < 1e-6);
        }
    }
}

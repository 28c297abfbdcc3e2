//! The breaker through its public interface, and against a model that is plain to read.

use std::time::Duration;

use evenkeel_resilience::breaker::{Breaker, BreakerRules, Open, Order, Ordered, Position, Ticket, Totals, Window};
use evenkeel_resilience::{Backoff, Jitter, Outcome};
use proptest::prelude::*;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
const QUICK: Duration = Duration::from_millis(1);

/// Half of the last ten, of at least four; open 1 s, 2 s, 4 s, ..; two probes.
fn rules() -> BreakerRules {
    BreakerRules::default()
        .window(Window::Calls(10))
        .minimum_calls(4)
        .wait(Backoff::new(SECOND, 8 * SECOND).spread(Jitter::None))
        .probes(2)
        .slow_after(SECOND)
}

struct Bench {
    breaker: Breaker,
    rules: BreakerRules,
    now: Instant,
}

impl Bench {
    fn new(rules: BreakerRules) -> Self {
        assert_eq!(rules.check(), Ok(()));
        let now = Instant::now();
        Self { breaker: Breaker::new(now), rules, now }
    }

    fn admit(&self) -> Result<Ticket, Open> {
        self.breaker.admit(&self.rules, self.now).map(|(ticket, _)| ticket)
    }

    fn settle(&self, ticket: Ticket, outcome: Outcome) {
        self.breaker.settle(&self.rules, ticket, outcome, QUICK, self.now);
    }

    fn calls(&self, outcomes: impl IntoIterator<Item = Outcome>) {
        for outcome in outcomes {
            let ticket = self.admit().expect("admitted");
            self.settle(ticket, outcome);
        }
    }

    fn totals(&self) -> Totals {
        self.breaker.totals(&self.rules, self.now)
    }

    fn position(&self) -> Position {
        self.breaker.position()
    }
}

use Outcome::{Failure, Success};

#[test]
fn rates_do_not_count_below_the_minimum_of_calls() {
    let bench = Bench::new(rules());
    bench.calls([Failure; 3]);
    assert_eq!(bench.position(), Position::Closed);
    bench.calls([Failure]);
    assert_eq!(bench.position(), Position::Open);
}

#[test]
fn a_success_can_be_the_call_from_which_on_rates_count() {
    let bench = Bench::new(rules());
    bench.calls([Failure, Failure, Failure, Success]);
    assert_eq!(bench.position(), Position::Open);
}

#[test]
fn it_opens_at_the_rate_and_not_below_it() {
    let bench = Bench::new(rules());
    bench.calls([Success, Success, Success, Failure, Failure, Success, Success]);
    assert_eq!(bench.position(), Position::Closed);
    bench.calls([Failure, Success, Failure]);
    // Five of ten.
    assert_eq!(bench.position(), Position::Closed, "{:?}: four of ten", bench.totals());
    bench.calls([Failure]);
    assert_eq!(bench.position(), Position::Open);
}

#[test]
fn refusals_of_the_callee_count_as_failures_and_neutral_outcomes_do_not_count() {
    let bench = Bench::new(rules());
    bench.calls([Outcome::Cancelled, Outcome::NotCounted, Outcome::Cancelled, Outcome::NotCounted]);
    assert_eq!(bench.totals(), Totals::default());
    bench.calls([Outcome::Overload { retry_after: None }; 4]);
    assert_eq!(bench.position(), Position::Open);
}

#[test]
fn slow_calls_open_it_although_all_succeed() {
    let bench = Bench::new(rules().slow_rate(0.5));
    for took in [QUICK, SECOND, QUICK, 2 * SECOND] {
        let ticket = bench.admit().unwrap();
        bench.breaker.settle(&bench.rules, ticket, Success, took, bench.now);
    }
    assert_eq!(bench.position(), Position::Open);
}

#[test]
fn failures_in_a_row_open_it_at_any_rate() {
    let bench = Bench::new(rules().consecutive_failures(3).minimum_calls(10));
    bench.calls([Failure, Failure, Success, Failure, Failure]);
    assert_eq!(bench.position(), Position::Closed);
    bench.calls([Failure]);
    assert_eq!(bench.position(), Position::Open);
}

#[test]
fn a_window_of_time_forgets_older_calls() {
    let mut bench = Bench::new(rules().window(Window::Time(10 * SECOND)));
    bench.calls([Failure; 3]);
    bench.now += 11 * SECOND;
    bench.calls([Failure; 3]);
    assert_eq!(bench.position(), Position::Closed);
    bench.now += 5 * SECOND;
    bench.calls([Failure]);
    assert_eq!(bench.position(), Position::Open);
}

#[test]
fn an_open_breaker_says_when_to_ask_again() {
    let mut bench = Bench::new(rules());
    bench.calls([Failure; 4]);
    bench.now += Duration::from_millis(300);
    let left = bench.admit().unwrap_err().retry_after.unwrap();
    assert!((Duration::from_millis(699)..=Duration::from_millis(701)).contains(&left), "{left:?}");
}

fn half_open() -> Bench {
    let mut bench = Bench::new(rules());
    bench.calls([Failure; 4]);
    bench.now += SECOND + Duration::from_millis(1);
    bench
}

#[test]
fn half_open_admits_only_the_configured_probes() {
    let bench = half_open();
    let probes = [bench.admit().unwrap(), bench.admit().unwrap()];
    assert_eq!(bench.position(), Position::HalfOpen);
    assert!(bench.admit().is_err());
    bench.settle(probes[0], Success);
    // Its place is used up: the second decides.
    assert!(bench.admit().is_err());
    bench.settle(probes[1], Success);
    assert_eq!(bench.position(), Position::Closed);
    assert_eq!(bench.totals(), Totals::default());
}

#[test]
fn a_probe_with_a_neutral_outcome_is_replaced_by_another() {
    let bench = half_open();
    let probes = [bench.admit().unwrap(), bench.admit().unwrap()];
    bench.settle(probes[0], Outcome::Cancelled);
    let third = bench.admit().expect("a place was given back");
    bench.settle(probes[1], Success);
    bench.settle(third, Success);
    assert_eq!(bench.position(), Position::Closed);
}

#[test]
fn a_failed_probe_opens_it_for_longer_each_time() {
    let mut bench = half_open();
    for wait in [2, 4, 8, 8] {
        let probe = bench.admit().unwrap();
        bench.settle(probe, Failure);
        assert_eq!(bench.position(), Position::Open);
        bench.now += wait * SECOND - Duration::from_millis(1);
        assert!(bench.admit().is_err());
        bench.now += Duration::from_millis(2);
    }
    for probe in [bench.admit().unwrap(), bench.admit().unwrap()] {
        bench.settle(probe, Success);
    }
    bench.calls([Failure; 4]);
    bench.now += SECOND + Duration::from_millis(1);
    let _ = bench.admit().expect("the waits begin anew once it was closed");
}

#[test]
fn late_answers_of_an_earlier_epoch_do_not_count() {
    let mut bench = Bench::new(rules());
    let early: Vec<Ticket> = (0..8).map(|_| bench.admit().unwrap()).collect();
    bench.calls([Failure; 4]);
    bench.now += SECOND + Duration::from_millis(1);
    let probes = [bench.admit().unwrap(), bench.admit().unwrap()];
    bench.settle(early[0], Success);
    bench.settle(early[1], Failure);
    assert_eq!(bench.position(), Position::HalfOpen);
    bench.settle(probes[0], Success);
    bench.settle(probes[1], Success);
    for ticket in early {
        bench.settle(ticket, Failure);
    }
    assert_eq!((bench.position(), bench.totals()), (Position::Closed, Totals::default()));
}

#[test]
fn probes_that_never_end_do_not_hold_it_half_open() {
    let mut bench = Bench::new(rules().probe_patience(30 * SECOND));
    bench.calls([Failure; 4]);
    bench.now += 2 * SECOND;
    let lost = [bench.admit().unwrap(), bench.admit().unwrap()];
    bench.now += 29 * SECOND;
    assert!(bench.admit().is_err());
    bench.now += 2 * SECOND;
    assert!(bench.admit().is_err(), "it is open again");
    assert_eq!(bench.position(), Position::Open);
    bench.now += 3 * SECOND;
    let found = [bench.admit().unwrap(), bench.admit().unwrap()];
    bench.settle(lost[0], Failure);
    bench.settle(found[0], Success);
    bench.settle(found[1], Success);
    assert_eq!(bench.position(), Position::Closed);
}

#[test]
fn a_health_check_that_passes_brings_the_probes_forward() {
    let bench = Bench::new(rules());
    assert_eq!(bench.breaker.seems_well(bench.now), None);
    bench.calls([Failure; 4]);
    assert_eq!(bench.breaker.seems_well(bench.now).unwrap().position, Position::HalfOpen);
    bench.calls([Success; 2]);
    assert_eq!(bench.position(), Position::Closed);
}

#[test]
fn an_order_overrides_the_state_which_continues_when_it_is_withdrawn() {
    let bench = Bench::new(rules());
    let order = |order| Ordered { order, author: "ada".to_owned(), reason: "the bank moves house".to_owned() };
    bench.breaker.order(Some(order(Order::Open)));
    assert_eq!(bench.admit(), Err(Open { retry_after: None }));
    assert_eq!(bench.breaker.ordered().unwrap().author, "ada");
    bench.breaker.order(Some(order(Order::Closed)));
    bench.calls([Failure; 20]);
    assert_eq!((bench.position(), bench.totals().failed), (Position::Closed, 10));
    bench.breaker.order(Some(order(Order::Disabled)));
    bench.calls([Success; 20]);
    assert_eq!(bench.totals().failed, 10);
    bench.breaker.order(None);
    bench.calls([Failure]);
    assert_eq!(bench.position(), Position::Open);
}

#[test]
fn invalid_rules_are_rejected() {
    let told = |rules: BreakerRules| rules.check().unwrap_err();
    assert!(told(rules().window(Window::Calls(0))).to_string().contains("0 calls"));
    assert!(told(rules().window(Window::Time(Duration::ZERO))).to_string().contains("10 ms"));
    assert!(told(rules().failure_rate(0.0)).to_string().contains("failure rate"));
    assert!(told(rules().minimum_calls(11)).to_string().contains("lower minimum_calls"));
    assert!(told(rules().probes(0)).to_string().contains("1 to 255"));
    assert_eq!(BreakerRules::default().check(), Ok(()));
}

/// Model of a breaker, as simple as possible.
struct Model {
    state: Model3,
    epoch: u32,
    window: Vec<bool>,
    opened: u32,
}

enum Model3 {
    Closed,
    Open { until: Instant },
    HalfOpen { under_way: u8, succeeded: u8, failed: u8 },
}

impl Model {
    fn enter(&mut self, state: Model3) {
        self.state = state;
        self.epoch += 1;
    }

    fn open(&mut self, now: Instant) {
        let wait = SECOND * 2_u32.pow(self.opened).min(8);
        self.opened += 1;
        self.enter(Model3::Open { until: now + wait });
    }

    fn admit(&mut self, now: Instant) -> Option<(u32, bool)> {
        if let Model3::Open { until } = self.state
            && now >= until
        {
            self.enter(Model3::HalfOpen { under_way: 0, succeeded: 0, failed: 0 });
        }
        match &mut self.state {
            Model3::Closed => Some((self.epoch, false)),
            Model3::Open { .. } => None,
            Model3::HalfOpen { under_way, succeeded, failed } => {
                let free = *under_way + *succeeded + *failed < 2;
                *under_way += u8::from(free);
                free.then_some((self.epoch, true))
            }
        }
    }

    fn settle(&mut self, (epoch, _): (u32, bool), good: Option<bool>, now: Instant) {
        if epoch != self.epoch {
            return;
        }
        match &mut self.state {
            Model3::Closed => {
                let Some(good) = good else { return };
                self.window.push(good);
                let last: Vec<bool> = self.window.iter().rev().take(10).copied().collect();
                let failed = last.iter().filter(|good| !**good).count();
                if last.len() >= 4 && failed > 0 && failed * 2 >= last.len() {
                    self.open(now);
                }
            }
            Model3::Open { .. } => {}
            Model3::HalfOpen { under_way, succeeded, failed } => {
                *under_way -= 1;
                match good {
                    None => {}
                    Some(true) => *succeeded += 1,
                    Some(false) => *failed += 1,
                }
                let (succeeded, failed) = (*succeeded, *failed);
                if failed >= 1 {
                    self.open(now);
                } else if succeeded + failed >= 2 {
                    self.window.clear();
                    self.opened = 0;
                    self.enter(Model3::Closed);
                }
            }
        }
    }

    fn position(&self) -> Position {
        match self.state {
            Model3::Closed => Position::Closed,
            Model3::Open { .. } => Position::Open,
            Model3::HalfOpen { .. } => Position::HalfOpen,
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Admit,
    /// One of those under way ends so.
    Settle(prop::sample::Index, Outcome),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        3 => Just(Success),
        3 => Just(Failure),
        1 => Just(Outcome::Overload { retry_after: None }),
        1 => Just(Outcome::Cancelled),
        1 => Just(Outcome::NotCounted),
    ];
    prop_oneof![
        4 => Just(Step::Admit),
        4 => (any::<prop::sample::Index>(), outcome).prop_map(|(which, outcome)| Step::Settle(which, outcome)),
        1 => (0_u16..5000).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_breaker_matches_its_model(steps in prop::collection::vec(step(), 1..200)) {
        let mut bench = Bench::new(rules());
        let mut model = Model { state: Model3::Closed, epoch: 0, window: Vec::new(), opened: 0 };
        let mut under_way = Vec::new();
        for step in steps {
            match step {
                Step::Admit => {
                    let (ours, theirs) = (bench.admit().ok(), model.admit(bench.now));
                    prop_assert_eq!(ours.is_some(), theirs.is_some());
                    under_way.extend(ours.zip(theirs));
                }
                Step::Settle(_, _) if under_way.is_empty() => {}
                Step::Settle(which, outcome) => {
                    let (ours, theirs) = under_way.swap_remove(which.index(under_way.len()));
                    bench.settle(ours, outcome);
                    model.settle(theirs, outcome.counts().then_some(!outcome.is_failure()), bench.now);
                }
                // Whole milliseconds, in which an opening is counted.
                Step::Wait(millis) => bench.now += Duration::from_millis(u64::from(millis)),
            }
            prop_assert_eq!(bench.position(), model.position());
        }
    }
}

//! Adaptive throttling through its public interface.

use std::time::Duration;

use evenkeel_resilience::Outcome;
use evenkeel_resilience::throttle::{Asked, SLICE, SLICES, Throttle, ThrottleRules};
use proptest::prelude::*;
use tokio::time::Instant;

const OVERLOAD: Outcome = Outcome::Overload { retry_after: None };

/// Makes calls and returns the number that reached the callee.
fn ask(throttle: &Throttle, rules: &ThrottleRules, outcome: Outcome, times: u32, now: Instant) -> u32 {
    let sent = (0..times).filter(|_| {
        let admitted = throttle.admit(rules, now).is_ok();
        if admitted {
            throttle.settle(rules, outcome, now);
        }
        admitted
    });
    sent.count() as u32
}

#[test]
fn a_callee_that_accepts_is_never_throttled() {
    let start = Instant::now();
    let (throttle, rules) = (Throttle::new(start), ThrottleRules::default());
    assert_eq!(ask(&throttle, &rules, Outcome::Success, 1000, start), 1000);
    assert_eq!(throttle.asked(start), Asked { requests: 1000, accepts: 1000 });
}

#[test]
fn calls_to_a_callee_that_refuses_everything_fall_but_never_to_zero() {
    let start = Instant::now();
    let (throttle, rules) = (Throttle::new(start), ThrottleRules::default());
    ask(&throttle, &rules, OVERLOAD, 1000, start);
    let sent = ask(&throttle, &rules, OVERLOAD, 10_000, start);
    // A twentieth, 500, is left to see it recover.
    assert!((300..700).contains(&sent), "{sent} of 10000");
}

#[test]
fn few_requests_do_not_throttle() {
    let start = Instant::now();
    let (throttle, rules) = (Throttle::new(start), ThrottleRules::default());
    assert_eq!(ask(&throttle, &rules, OVERLOAD, 10, start), 10);
}

#[test]
fn a_k_of_two_throttles_nothing_at_half_accepted() {
    let rules = ThrottleRules::default();
    assert_eq!(Asked { requests: 1000, accepts: 500 }.refusal(&rules), 0.0);
    let quarter = Asked { requests: 1000, accepts: 250 }.refusal(&rules);
    assert!((quarter - 500.0 / 1001.0).abs() < 1e-9);
}

#[test]
fn failures_count_as_refused_only_where_the_rules_say_so() {
    let start = Instant::now();
    for (failures, accepts) in [(false, 100), (true, 0)] {
        let (throttle, rules) = (Throttle::new(start), ThrottleRules::default().failures(failures).most(0.0));
        ask(&throttle, &rules, Outcome::Failure, 100, start);
        assert_eq!(throttle.asked(start), Asked { requests: 100, accepts });
    }
}

#[test]
fn counts_are_forgotten_after_two_minutes_and_after_a_week() {
    let start = Instant::now();
    let rules = ThrottleRules::default();
    for later in [SLICE * SLICES as u32, Duration::from_secs(86_400 * 365)] {
        let throttle = Throttle::new(start);
        ask(&throttle, &rules, OVERLOAD, 1000, start);
        assert_eq!(throttle.asked(start + later), Asked::default());
        assert_eq!(ask(&throttle, &rules, Outcome::Success, 5, start + later), 5);
    }
}

#[test]
fn invalid_rules_are_rejected() {
    let rules = ThrottleRules::default();
    assert!(rules.k(0.5).check().unwrap_err().to_string().contains("below 1"));
    assert!(rules.k(f64::NAN).check().is_err());
    assert!(rules.most(1.5).check().unwrap_err().to_string().contains("0 to 1"));
    assert_eq!(rules.check(), Ok(()));
}

proptest! {
    /// Against a list of everything that happened.
    #[test]
    fn the_window_holds_the_counts_of_its_slices(
        steps in prop::collection::vec((0_u64..40, any::<bool>()), 1..200),
    ) {
        let start = Instant::now();
        let (throttle, rules) = (Throttle::new(start), ThrottleRules::default().most(0.0));
        let (mut seconds, mut happened) = (0, Vec::new());
        for (pause, accepted) in steps {
            seconds += pause;
            let now = start + Duration::from_secs(seconds);
            ask(&throttle, &rules, if accepted { Outcome::Success } else { OVERLOAD }, 1, now);
            happened.push((seconds / SLICE.as_secs(), accepted));
            let recent = || happened.iter().filter(|(slice, _)| seconds / SLICE.as_secs() - slice < SLICES as u64);
            let (requests, accepts) = (recent().count() as u64, recent().filter(|(_, accepted)| *accepted).count() as u64);
            prop_assert_eq!(throttle.asked(now), Asked { requests, accepts });
        }
    }
}

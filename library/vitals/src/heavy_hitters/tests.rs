//! The lists against exact counts, attacks, and threads.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::TraceContext;

fn sighting(failed: bool, millis: u64) -> Sighting {
    Sighting { failed, took: Duration::from_millis(millis), trace: None }
}

/// Exact numbers of requests, failures and nanoseconds.
type Exact = HashMap<u32, [u64; 3]>;

fn note(hitters: &HeavyHitters<u32>, exact: &mut Exact, key: u32, sighting: &Sighting, now: Instant) {
    hitters.note(key, sighting, now);
    let counts = exact.entry(key).or_default();
    counts[0] += 1;
    counts[1] += u64::from(sighting.failed);
    counts[2] += sighting.nanos();
}

fn holds(bounds: Bounds, truth: u64) -> bool {
    bounds.at_least <= truth && truth <= bounds.at_most
}

fn named(all: &Heaviest<u32>, key: u32) -> HeavyHitter<u32> {
    *all.keys.iter().find(|hitter| hitter.key == key).unwrap_or_else(|| panic!("{key} is not named"))
}

proptest! {
    // A case takes a while.
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn bounds_hold_for_all_weights_over_two_minutes(
        events in prop::collection::vec((0..2_000_u32, any::<bool>(), 0..50_u64, 0..2_u64), 0..3_000),
    ) {
        let (hitters, mut exact, start) = (HeavyHitters::new(), Exact::new(), Instant::now());
        let mut events = events;
        events.sort_by_key(|(_, _, _, minute)| *minute);
        for (key, failed, millis, minute) in &events {
            let now = start + Duration::from_secs(30) + PERIOD * *minute as u32;
            note(&hitters, &mut exact, *key, &sighting(*failed, *millis), now);
        }
        let all = hitters.list(start + PERIOD + Duration::from_secs(45));
        prop_assert_eq!((all.requests, all.skipped), (events.len() as u64, 0));
        for hitter in &all.keys {
            let truth = exact[&hitter.key];
            prop_assert!(holds(hitter.requests, truth[0]), "{:?} {:?}", hitter, truth);
            prop_assert!(holds(hitter.failures, truth[1]), "{:?} {:?}", hitter, truth);
            prop_assert!(holds(hitter.nanos, truth[2]), "{:?} {:?}", hitter, truth);
        }
        // More than a 32nd of all is more than a 32nd of any shard and of any minute.
        let sum = |weight: usize| exact.values().map(|counts| counts[weight]).sum::<u64>();
        for (key, counts) in &exact {
            let is_large = (0..3).any(|weight| counts[weight] * 32 > sum(weight));
            prop_assert!(!is_large || all.keys.iter().any(|hitter| hitter.key == *key), "{key} {counts:?}");
        }
    }
}

#[test]
fn few_keys_are_counted_exactly() {
    let (hitters, now) = (HeavyHitters::new(), Instant::now());
    for _ in 0..50 {
        hitters.note(1, &sighting(false, 2), now);
        hitters.note(2, &sighting(true, 100), now);
    }
    let all = hitters.list(now);
    let exactly = |count| Bounds { at_least: count, at_most: count };
    assert_eq!(named(&all, 1).requests, exactly(50));
    assert_eq!((named(&all, 1).failures, named(&all, 2).failures), (exactly(0), exactly(50)));
    assert_eq!(named(&all, 2).nanos, exactly(5_000_000_000));
    assert_eq!(named(&all, 2).seen.mean(), Some(Duration::from_millis(100)));
}

#[test]
fn an_attack_of_new_keys_hides_no_heavy_one_and_takes_no_memory() {
    let (hitters, now) = (HeavyHitters::new(), Instant::now());
    let slots: usize = hitters.shards.iter().map(Shard::slots).sum();
    for new in 0..300_000_u32 {
        hitters.note(1_000 + new, &sighting(false, 1), now);
        if new % 100 == 0 {
            hitters.note(1, &sighting(false, 1), now);
        }
        if new % 1_000 == 0 {
            hitters.note(2, &sighting(true, 1), now);
            hitters.note(3, &sighting(false, 2_000), now);
        }
    }
    let all = hitters.list(now);
    // One in a hundred requests is a twelfth of those of its shard.
    let (busy, failing, slow) = (named(&all, 1), named(&all, 2), named(&all, 3));
    assert!(holds(busy.requests, 3_000) && busy.requests.at_least > 2_900, "{busy:?}");
    assert!(holds(failing.failures, 300) && failing.failures.at_least == 300, "{failing:?}");
    assert!(holds(slow.nanos, 600_000_000_000) && slow.seen.mean() > Some(Duration::from_secs(1)), "{slow:?}");
    assert_eq!(hitters.shards.iter().map(Shard::slots).sum::<usize>(), slots);
    assert!(all.keys.len() <= slots / 2, "{}", all.keys.len());
}

#[test]
fn keys_are_forgotten_after_two_minutes() {
    let (hitters, start) = (HeavyHitters::new(), Instant::now());
    hitters.note(1, &sighting(false, 1), start);
    assert_eq!(hitters.forget_old(start + PERIOD), 1);
    hitters.note(2, &sighting(false, 1), start + PERIOD);
    assert_eq!(hitters.list(start + 2 * PERIOD).keys.iter().map(|hitter| hitter.key).collect::<Vec<_>>(), [2]);
    assert_eq!(hitters.forget_old(start + 3 * PERIOD), 0);
    // Nothing of them is left after a longer time without events.
    hitters.note(3, &sighting(false, 1), start + 3 * PERIOD);
    assert_eq!(hitters.list(start + 9 * PERIOD).requests, 0);
}

#[test]
fn events_that_meet_a_taken_lock_are_skipped_counted_and_within_the_bounds() {
    let (hitters, now) = (HeavyHitters::new(), Instant::now());
    hitters.note(1, &sighting(true, 10), now);
    let shards = hitters.shards.iter();
    shards.for_each(|shard| shard.while_locked(|| hitters.note(1, &sighting(true, 10), now)));
    let all = hitters.list(now);
    assert_eq!((all.skipped, hitters.skipped(), all.requests), (1, 1, 9));
    let key = named(&all, 1);
    assert!(key.requests.at_least == 8 && key.requests.at_most == 9, "{key:?}");
    assert!(holds(key.failures, 9) && holds(key.nanos, 90_000_000), "{key:?}");
    // They count for the minute in which they were skipped.
    let later = hitters.list(now + PERIOD);
    assert_eq!((later.skipped, later.requests, named(&later, 1).requests.at_most), (1, 9, 9));
    assert_eq!((hitters.list(now + 2 * PERIOD).skipped, hitters.skipped()), (0, 1));
}

#[test]
fn no_event_of_two_threads_is_lost() {
    let (hitters, now) = (HeavyHitters::new(), Instant::now());
    std::thread::scope(|scope| {
        for thread in 0..2_u32 {
            let hitters = &hitters;
            scope.spawn(move || {
                for number in 0..20_000_u32 {
                    let key = if number % 2 == 0 { 1 } else { 1_000 + thread * 100_000 + number };
                    hitters.note(key, &sighting(false, 1), now);
                }
            });
        }
    });
    let all = hitters.list(now);
    assert_eq!(all.requests, 40_000);
    assert!(holds(all.keys[0].requests, 20_000) && all.keys[0].key == 1, "{:?}", all.keys[0]);
}

#[test]
fn the_median_is_of_the_means_of_keys_with_enough_events() {
    let (hitters, now) = (HeavyHitters::new(), Instant::now());
    for (key, events, millis) in [(1, 30, 10), (2, 30, 20), (3, 30, 30), (4, 3, 9_000)] {
        (0..events).for_each(|_| hitters.note(key, &sighting(false, millis), now));
    }
    let all = hitters.list(now);
    assert_eq!(all.median_mean(20), Some(Duration::from_millis(20)));
    assert_eq!(all.median_mean(31), None);
}

#[test]
fn the_last_trace_of_a_key_is_kept() {
    let (hitters, now) = (HeavyHitters::new(), Instant::now());
    let [first, last] = [(); 2].map(|()| TraceContext::new());
    for (trace, at) in [(first, now), (last, now + PERIOD)] {
        hitters.note(1, &Sighting { trace: Some(trace), ..sighting(false, 1) }, at);
    }
    assert_eq!(named(&hitters.list(now + PERIOD), 1).seen.trace, Some(last));
}

/// Prints nanoseconds an event: of few clients, of many, and of new ones alone.
#[test]
#[ignore = "long: run by make test-long"]
fn cost_of_an_event() {
    const EVENTS: u32 = 3_000_000;
    for (name, keys) in [("10 keys", 10), ("200 keys", 200), ("100,000 keys", 100_000), ("new keys alone", u32::MAX)] {
        let hitters = HeavyHitters::new();
        let event = Sighting { trace: Some(TraceContext::new()), ..sighting(false, 3) };
        let now = Instant::now();
        let begun = std::time::Instant::now();
        for number in 0..EVENTS {
            // Spread as by a shuffle, without a generator's cost.
            hitters.note(number.wrapping_mul(2_654_435_761) % keys, &event, now);
        }
        println!("{name}: {:.0} ns", begun.elapsed().as_nanos() as f64 / f64::from(EVENTS));
    }
}

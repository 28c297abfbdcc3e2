//! Cases from the suites of peer libraries that had no test here. `docs/guide/peers.md` says which test covers which case; a test here checks
//! that the tests it names exist.

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use evenkeel_resilience::balance::{BalanceRules, Chooser, Instance};
use evenkeel_resilience::breaker::{Breaker, BreakerRules, Position, Window};
use evenkeel_resilience::budget::BudgetRules;
use evenkeel_resilience::hedge::HedgeRules;
use evenkeel_resilience::outlier::OutlierRules;
use evenkeel_resilience::retry::RetryRules;
use evenkeel_resilience::{Backoff, CallError, Cluster, ClusterRules, Jitter, Outcome, Policy, Rules};
use tokio::time::Instant;

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn breaker() -> (Breaker, BreakerRules, Instant) {
    let wait = Backoff::new(SECOND, 8 * SECOND).spread(Jitter::None);
    let rules = BreakerRules::default().window(Window::Calls(10)).minimum_calls(4).wait(wait).slow_after(SECOND);
    (Breaker::new(Instant::now()), rules.probes(2), Instant::now())
}

#[test]
fn a_slow_probe_opens_it_again_although_it_succeeds() {
    let (breaker, rules, now) = breaker();
    for _ in 0..4 {
        let (ticket, _) = breaker.admit(&rules, now).unwrap();
        breaker.settle(&rules, ticket, Outcome::Failure, MILLI, now);
    }
    let later = now + 2 * SECOND;
    let (first, _) = breaker.admit(&rules, later).unwrap();
    let (second, _) = breaker.admit(&rules, later).unwrap();
    breaker.settle(&rules, first, Outcome::Success, 2 * SECOND, later);
    breaker.settle(&rules, second, Outcome::Success, 2 * SECOND, later);
    assert_eq!(breaker.position(), Position::Open);
}

fn cluster(at_most: f64, addresses: &[u32]) -> (Cluster<u32>, Instant) {
    vitals::seed_entropy(7);
    let now = Instant::now();
    let balance = BalanceRules::default().chooser(Chooser::RoundRobin).slow_start(None);
    let ejection = Backoff::new(30 * SECOND, 300 * SECOND).spread(Jitter::None);
    let outlier = Some(OutlierRules::default().at_most(at_most).ejection(ejection));
    let cluster = Cluster::new("bank", ClusterRules::default().balance(balance).outlier(outlier), now).unwrap();
    cluster.replace(addresses.iter().copied().map(Instance::new).collect(), now).unwrap();
    (cluster, now)
}

/// Makes calls in turn, of which those to this instance fail; returns the number of ejections.
fn calls(cluster: &Cluster<u32>, now: Instant, times: u32, bad: u32) -> usize {
    let call = |key: u32| {
        let picked = cluster.pick(now, &key).unwrap();
        let outcome = if *picked.address() == bad { Outcome::Failure } else { Outcome::Success };
        picked.done(outcome, MILLI).len()
    };
    (0..times).map(call).sum()
}

fn left_out(cluster: &Cluster<u32>, now: Instant) -> Vec<(u32, Duration)> {
    let seen = cluster.seen(now).into_iter();
    seen.filter_map(|seen| Some((seen.instance.address, seen.ejected?))).collect()
}

#[test]
fn failures_of_earlier_calls_do_not_extend_an_ejection() {
    let (cluster, now) = cluster(0.5, &[1, 2, 3]);
    let under_way: Vec<_> =
        (0..30).map(|key| cluster.pick(now, &key).unwrap()).filter(|picked| *picked.address() == 1).collect();
    assert_eq!(calls(&cluster, now, 30, 1), 1);
    let ejected = left_out(&cluster, now);
    assert_eq!(under_way.into_iter().map(|picked| picked.done(Outcome::Failure, MILLI).len()).sum::<usize>(), 0);
    assert_eq!(left_out(&cluster, now), ejected, "once, and for as long as the first time");
}

#[test]
fn an_instance_removed_while_ejected_frees_its_part_of_the_share() {
    let (cluster, now) = cluster(0.34, &[1, 2, 3]);
    assert_eq!(calls(&cluster, now, 30, 1), 1);
    assert_eq!(calls(&cluster, now, 30, 2), 0, "one of three is the share");
    cluster.replace([2, 3, 4].map(Instance::new).into(), now).unwrap();
    assert_eq!(left_out(&cluster, now), []);
    assert_eq!(calls(&cluster, now, 30, 2), 1);
    assert_eq!(left_out(&cluster, now)[0].0, 2);
}

fn retry(floor: f64) -> RetryRules {
    let backoff = Backoff::new(100 * MILLI, SECOND).spread(Jitter::None);
    let budget = BudgetRules::default().floor(floor).ratio(0.0);
    RetryRules::default().backoff(backoff).budget(budget)
}

/// Policy that hedges calls longer than 20 ms, with this floor of its budget.
async fn hedging(floor: f64) -> Policy {
    let hedge = HedgeRules::default().minimum_calls(10).at_least(20 * MILLI);
    let policy = Policy::new("bank", Rules::NONE.hedge(hedge).retry(retry(floor))).unwrap();
    for _ in 0..20 {
        policy
            .call(async |_| {
                tokio::time::sleep(10 * MILLI).await;
                Ok::<_, &str>(())
            })
            .await
            .unwrap();
    }
    policy
}

#[tokio::test(start_paused = true)]
async fn calls_are_not_hedged_without_budget() {
    let policy = hedging(0.1).await;
    let calls = Cell::new(0);
    let slow = async |_| {
        calls.set(calls.get() + 1);
        tokio::time::sleep(SECOND).await;
        Ok::<_, &str>(())
    };
    let began = Instant::now();
    policy.call(slow).await.unwrap();
    policy.call(slow).await.unwrap();
    assert!(calls.get() <= 3, "one hedge at most was paid for: {} calls", calls.get());
    assert!(began.elapsed() >= 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_failed_hedge_holds_the_last_cause() {
    let policy = hedging(100.0).await;
    let calls = Cell::new(0);
    let work = async |_| {
        calls.set(calls.get() + 1);
        let number = calls.get();
        tokio::time::sleep(if number == 1 { 500 * MILLI } else { 10 * MILLI }).await;
        Err::<(), _>(if number == 1 { "the slow one" } else { "a fast one" })
    };
    let error = policy.call(work).await.unwrap_err();
    assert!(matches!(error, CallError::Failed { cause: "the slow one" | "a fast one", .. }), "{error:?}");
    assert!(calls.get() >= 2, "the first was hedged");
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_between_two_attempts_makes_no_other() {
    let policy = Policy::new("bank", Rules::NONE.retry(retry(100.0))).unwrap();
    let calls = Cell::new(0);
    let work = async |_| {
        calls.set(calls.get() + 1);
        Err::<(), _>("down")
    };
    // The second try would begin after 100 ms.
    assert!(tokio::time::timeout(50 * MILLI, policy.call(work)).await.is_err());
    tokio::time::sleep(SECOND).await;
    assert_eq!(calls.get(), 1);
}

/// Every text file below a folder.
fn sources(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => sources(&path, into),
            false => into.push_str(&std::fs::read_to_string(&path).unwrap_or_default()),
        }
    }
}

#[test]
fn each_test_that_the_page_names_is_there() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(crates.join("../docs/guide/peers.md")).unwrap();
    let mut text = String::new();
    for part in ["resilience", "client"] {
        for folder in ["src", "tests"] {
            sources(&crates.join(part).join(folder), &mut text);
        }
    }
    // In the last column, in backquotes.
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| line.trim_end_matches(" |").rsplit_once(" | "));
    let named: Vec<&str> = rows.flat_map(|(_, ours)| ours.split('`').skip(1).step_by(2)).collect();
    let missing: Vec<&&str> = named.iter().filter(|name| !text.contains(&format!("fn {name}("))).collect();
    assert!(named.len() > 60 && missing.is_empty(), "of {} these are not there: {missing:?}", named.len());
}

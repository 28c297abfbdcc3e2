//! Metastable failures: clients and a dependency in a simulated network and virtual time. The dependency slows, dies, flaps and fails, and
//! recovers. With a policy goodput is back within two seconds of the fault's end. With unbounded retries it never is: the queue stays full of
//! calls whose callers have left, and their repeats keep it full (Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021).

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use evenkeel_resilience::breaker::{BreakerRules, Window};
use evenkeel_resilience::budget::BudgetRules;
use evenkeel_resilience::policy::TimeoutRules;
use evenkeel_resilience::retry::RetryRules;
use evenkeel_resilience::{Backoff, Policy, Rules};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until};
use turmoil::net::{TcpListener, TcpStream};

const SECOND: Duration = Duration::from_secs(1);
const PORT: u16 = 80;
/// Service time of the dependency; it serves one call at a time.
const WORK: Duration = Duration::from_millis(10);
/// Calls per second: 70 % of the dependency's capacity.
const RATE: u32 = 70;
/// Start and end of the fault, in seconds.
const FAULT: std::ops::Range<u64> = 4..12;
/// Calls that wait for their turn at the dependency; those beyond are sent away.
const QUEUE: usize = 60;
/// Length of the simulation.
const SECONDS: u64 = 26;
/// Time to recovery after the fault's end, in seconds.
const BACK: u64 = 2;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Every call takes five times as long.
    Slow,
    /// The dependency is killed, and started again at the end.
    Dead,
    /// The dependency is killed and started again, every second.
    Flaps,
    /// Every call is answered at once, with an error.
    Fails,
}

/// Answers calls in the order of their arrival, also those whose caller has left.
async fn dependency(fault: Fault) -> turmoil::Result {
    let (listener, turn) = (TcpListener::bind(("0.0.0.0", PORT)).await?, Rc::new(Semaphore::new(1)));
    loop {
        let (socket, _) = listener.accept().await?;
        if Rc::strong_count(&turn) > QUEUE {
            continue;
        }
        tokio::task::spawn_local(answer(socket, Rc::clone(&turn), fault));
    }
}

async fn answer(mut socket: TcpStream, turn: Rc<Semaphore>, fault: Fault) -> io::Result<()> {
    socket.read_u8().await?;
    let faulty = turmoil::sim_elapsed().is_some_and(|now| FAULT.contains(&now.as_secs()));
    if faulty && fault == Fault::Fails {
        return socket.write_u8(0).await;
    }
    let _turn = turn.acquire().await;
    let faulty = turmoil::sim_elapsed().is_some_and(|now| FAULT.contains(&now.as_secs()));
    sleep(if faulty && fault == Fault::Slow { 5 * WORK } else { WORK }).await;
    socket.write_u8(1).await
}

async fn call() -> io::Result<()> {
    let mut socket = TcpStream::connect(("dependency", PORT)).await?;
    socket.write_u8(1).await?;
    match socket.read_u8().await? {
        1 => Ok(()),
        _ => Err(io::Error::other("the dependency failed")),
    }
}

/// Calls that succeeded, by the second in which they were begun.
fn goodput(rules: Rules, fault: Fault, seed: u64) -> Vec<u32> {
    vitals::seed_entropy(seed);
    let mut sim = turmoil::Builder::new()
        .simulation_duration(Duration::from_secs(SECONDS + 5))
        .tick_duration(Duration::from_millis(1))
        .tcp_capacity(4096)
        .rng_seed(seed)
        .build();
    sim.host("dependency", move || dependency(fault));
    let good = Rc::new(RefCell::new(vec![0; SECONDS as usize]));
    sim.client("clients", {
        let good = Rc::clone(&good);
        async move {
            let policy = Policy::new("dependency", rules).expect("rules");
            let begun = Instant::now();
            for number in 0..RATE * SECONDS as u32 {
                sleep_until(begun + SECOND * number / RATE).await;
                let (policy, good) = (policy.clone(), Rc::clone(&good));
                tokio::task::spawn_local(async move {
                    if policy.call(|_| call()).await.is_ok() {
                        good.borrow_mut()[(number / RATE) as usize] += 1;
                    }
                });
            }
            sleep(2 * SECOND).await;
            Ok(())
        }
    });
    let mut up = true;
    while !sim.step().expect("the simulation goes on") {
        let now = sim.elapsed().as_secs();
        let down = FAULT.contains(&now) && (fault == Fault::Dead || fault == Fault::Flaps && now.is_multiple_of(2));
        match (up, down) {
            (true, true) => sim.crash("dependency"),
            (false, false) => sim.bounce("dependency"),
            _ => {}
        }
        up = !down;
    }
    good.take()
}

/// The defaults, with a deadline of a second.
fn bounded() -> Rules {
    Rules::default().deadline(SECOND)
}

/// Four attempts, without a budget, and no other guard.
fn unbounded() -> Rules {
    let budget = BudgetRules::default().ratio(1.0).floor(1e6).savings(u32::MAX);
    let backoff = Backoff::new(WORK, WORK);
    let retry = RetryRules::default().attempts(4).backoff(backoff).budget(budget);
    let timeout = Some(TimeoutRules::default().share(0.25).at_most(Duration::MAX));
    Rules::NONE.deadline(SECOND).retry(retry).timeout(timeout)
}

fn is_well(second: u32) -> bool {
    second * 10 >= RATE * 9
}

#[test]
fn with_a_policy_goodput_is_back_within_two_seconds_of_every_faults_end() {
    for fault in [Fault::Slow, Fault::Dead, Fault::Flaps, Fault::Fails] {
        for seed in 0..2 {
            let good = goodput(bounded(), fault, seed);
            assert!(good[..FAULT.start as usize].iter().all(|second| is_well(*second)), "{fault:?} {seed}: {good:?}");
            let after = &good[(FAULT.end + BACK) as usize..];
            assert!(after.iter().all(|second| is_well(*second)), "{fault:?} {seed}: {good:?}");
        }
    }
}

#[test]
fn without_bounds_the_repeats_keep_the_dependency_down_when_the_fault_is_long_over() {
    let good = goodput(unbounded(), Fault::Slow, 0);
    assert!(good[..FAULT.start as usize].iter().all(|second| is_well(*second)), "{good:?}");
    let late = &good[(FAULT.end + 10) as usize..];
    assert!(late.iter().all(|second| *second * 2 < RATE), "{good:?}");
}

#[test]
fn a_budget_alone_is_enough_to_come_back() {
    let retry = unbounded().retry.expect("retries").budget(BudgetRules::default());
    let good = goodput(unbounded().retry(retry), Fault::Slow, 0);
    let after = &good[(FAULT.end + 5) as usize..];
    assert!(after.iter().all(|second| is_well(*second)), "{good:?}");
}

#[test]
fn the_same_seed_makes_the_same_history() {
    let breaker = BreakerRules::default().window(Window::Calls(20));
    let rules = bounded().breaker(breaker);
    assert_eq!(goodput(rules.clone(), Fault::Flaps, 7), goodput(rules, Fault::Flaps, 7));
}

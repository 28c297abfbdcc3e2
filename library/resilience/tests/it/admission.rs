//! The gate, in paused time.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use evenkeel_resilience::Criticality;
use evenkeel_resilience::admission::{
    AdmissionRules, Arrival, ClientKey, Entry, Gate, Permit, Reason, Refused, RouteId, RouteRules, Waiting,
};
use tokio::time::{Instant, advance, sleep};

const OBJECTIVE: Duration = Duration::from_millis(500);

fn gate() -> Gate {
    Gate::new(AdmissionRules::default().cores(1).objective(OBJECTIVE)).unwrap()
}

fn arrival(client: u64) -> Arrival {
    Arrival { client: ClientKey(client), ..Arrival::on(RouteId::OTHER) }
}

/// A gate whose places are all taken, and their permits.
fn full() -> (Gate, Vec<Permit>) {
    let gate = gate();
    let permits = (0..64).map(|_| match gate.decide(arrival(0)) {
        Entry::Admitted(permit) => permit,
        other => panic!("{other:?}"),
    });
    let permits = permits.collect();
    (gate, permits)
}

fn queued(gate: &Gate, arrival: Arrival) -> Waiting {
    match gate.decide(arrival) {
        Entry::Queued(waiting) => waiting,
        other => panic!("{other:?}"),
    }
}

fn in_flight_and_queued(gate: &Gate) -> (u32, u32) {
    let snapshot = gate.snapshot();
    (snapshot.in_flight, snapshot.queued.iter().sum())
}

#[tokio::test(start_paused = true)]
async fn an_idle_gate_admits_and_gets_its_places_back() {
    let gate = gate();
    let search = gate.route("search", RouteRules::default()).unwrap();
    for (number, end) in [Permit::answered, Permit::unmeasured, drop::<Permit>].into_iter().enumerate() {
        let permit = gate.enter(Arrival::on(search)).await.unwrap();
        assert_eq!(gate.snapshot().routes[1].in_flight, 1);
        end(permit);
        let snapshot = gate.snapshot();
        assert_eq!((snapshot.in_flight, snapshot.admitted), (0, number as u64 + 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_at_the_limit_waits_for_a_place() {
    let (gate, mut permits) = full();
    let mut waiting = queued(&gate, arrival(1));
    assert!(gate.is_congested());
    assert!(poll_once(&mut waiting).is_pending());
    permits.pop().unwrap().answered();
    let permit = waiting.await.unwrap();
    assert_eq!(in_flight_and_queued(&gate), (64, 0));
    drop((permit, permits));
    assert_eq!(in_flight_and_queued(&gate), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_leaves_the_queue_or_gives_back_its_place() {
    let (gate, mut permits) = full();
    drop(queued(&gate, arrival(1)));
    assert_eq!(in_flight_and_queued(&gate), (64, 0));
    let admitted = queued(&gate, arrival(1));
    permits.pop().unwrap().answered();
    assert_eq!(in_flight_and_queued(&gate), (64, 0));
    // Its task is dropped before it has taken the place.
    drop(admitted);
    assert_eq!(in_flight_and_queued(&gate), (63, 0));
    assert!(matches!(gate.decide(arrival(2)), Entry::Admitted(_)));
}

#[tokio::test(start_paused = true)]
async fn a_request_without_room_is_refused_in_bounded_time() {
    let (gate, permits) = full();
    let begun = Instant::now();
    let refused = gate.enter(arrival(1)).await.unwrap_err();
    assert_eq!(refused, Refused { reason: Reason::Waited });
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(50) && waited <= Duration::from_millis(490), "{waited:?}");
    for _ in 0..100 {
        let wait = refused.retry_after();
        assert!(wait >= Duration::from_secs(1) && wait < Duration::from_secs(3), "{wait:?}");
    }
    drop(permits);
    // The task that lets time pass has ended, and begins again.
    sleep(Duration::from_secs(1)).await;
    let (gate, _permits) = full();
    assert!(gate.enter(arrival(1)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn critical_requests_are_served_first_and_clients_in_turn() {
    let (gate, mut permits) = full();
    let of = |client, class| Arrival { class, ..arrival(client) };
    let wild: Vec<Waiting> = (0..2).map(|_| queued(&gate, of(1, Criticality::Default))).collect();
    let calm = queued(&gate, of(2, Criticality::Default));
    let critical = queued(&gate, of(1, Criticality::Critical));
    let mut waiting: Vec<Waiting> = wild.into_iter().chain([calm, critical]).collect();
    let mut order = Vec::new();
    for _ in 0..4 {
        permits.pop().unwrap().answered();
        let ready = waiting.iter_mut().enumerate().find_map(|(index, waiting)| {
            // A request yields once before it is executed.
            let verdict = match poll_once(waiting) {
                Poll::Pending => poll_once(waiting),
                ready @ Poll::Ready(_) => ready,
            };
            match verdict {
                Poll::Ready(verdict) => Some((index, verdict.unwrap())),
                Poll::Pending => None,
            }
        });
        let (index, permit) = ready.unwrap();
        order.push(index);
        permits.insert(0, permit);
        // A finished future is not polled again.
        let placeholder = queued(&gate, of(9, Criticality::Sheddable));
        waiting[index] = placeholder;
    }
    assert_eq!(order, [3, 0, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn an_old_request_is_not_executed_before_the_heads_behind_it_are_read() {
    let gate = gate();
    let old = Arrival { age: Duration::from_millis(50), ..arrival(1) };
    let mut waiting = queued(&gate, old);
    assert!(poll_once(&mut waiting).is_pending(), "it yields once");
    assert!(poll_once(&mut waiting).is_ready(), "and is admitted then");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_would_be_late_is_refused_at_once() {
    let gate = gate();
    for _ in 0..20 {
        let permit = gate.enter(arrival(1)).await.unwrap();
        advance(Duration::from_millis(100)).await;
        permit.answered();
    }
    let old = Arrival { age: Duration::from_millis(400), ..arrival(1) };
    let refused = gate.enter(old).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Hopeless);
    assert_eq!(gate.snapshot().refused[0], 1);
}

#[tokio::test(start_paused = true)]
async fn exempt_requests_pass_a_full_gate() {
    let (gate, _permits) = full();
    assert!(matches!(gate.decide(Arrival::exempt()), Entry::Admitted(_)));
}

#[test]
fn invalid_rules_are_refused_with_the_valid_range() {
    let refused = |rules| Gate::new(rules).unwrap_err().to_string();
    assert!(refused(AdmissionRules::default().cores(0)).contains("1 to 1024"));
    let objective = refused(AdmissionRules::default().objective(Duration::ZERO));
    assert!(objective.contains("1ms") || objective.contains("1 ms"), "{objective}");
    assert!(gate().route("a", RouteRules::default().objective(Duration::from_secs(4000))).is_err());
}

#[test]
fn routes_beyond_the_bound_are_the_other_route() {
    let gate = gate();
    let ids: Vec<RouteId> =
        (0..300).map(|number| gate.route(&number.to_string(), RouteRules::default()).unwrap()).collect();
    assert_eq!(gate.route("7", RouteRules::default()).unwrap(), ids[7]);
    assert_eq!((ids[254] == RouteId::OTHER, ids[255], ids[299]), (false, RouteId::OTHER, RouteId::OTHER));
}

fn poll_once(waiting: &mut Waiting) -> Poll<Result<Permit, Refused>> {
    pin!(waiting).poll(&mut Context::from_waker(Waker::noop()))
}

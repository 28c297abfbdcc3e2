//! Requests that wait without an overload: waiting is no work, and is no reason to refuse.

use std::time::Duration;

use evenkeel_simulator::{Evenkeel, Report, StaticLimit, Workload, simulate, waiting};

fn under_evenkeel(workload: &Workload) -> Report {
    simulate(workload, &mut Evenkeel::new(workload))
}

fn under_a_static_limit(workload: &Workload) -> Report {
    simulate(workload, &mut StaticLimit::new(64, Duration::from_millis(50)))
}

#[test]
fn a_silent_dependency_costs_other_routes_nothing() {
    let workload = waiting::silent_dependency();
    let report = under_evenkeel(&workload);
    assert_eq!(report.kinds[0].refused, 0, "{:?}", report.kinds);
    assert!(report.served(0) >= 0.999, "{:?}", report.kinds);
    // The control: requests that wait for the dependency fill a limit of 64.
    assert!(under_a_static_limit(&workload).served(0) < 0.5);
}

#[test]
fn slow_requests_that_come_at_once_after_the_start_are_not_refused() {
    for requests in [100, 200, 800] {
        let workload = waiting::slow_requests_at_once(requests);
        assert_eq!(under_evenkeel(&workload).all.refused, 0, "{requests}");
    }
    assert!(under_a_static_limit(&waiting::slow_requests_at_once(200)).all.refused > 50);
}

#[test]
fn a_slow_service_refuses_nothing_for_an_objective_that_it_cannot_reach() {
    for rate in [10.0, 100.0, 400.0] {
        let report = under_evenkeel(&waiting::slow_service(rate));
        assert_eq!(report.all.refused, 0, "{rate}: {:?}", report.seconds);
    }
    assert!(under_a_static_limit(&waiting::slow_service(100.0)).all.refused > 100);
}

#[test]
fn a_service_that_becomes_slow_on_its_own_refuses_only_until_that_is_known() {
    for rate in [20.0, 100.0, 300.0] {
        let report = under_evenkeel(&waiting::slowed_service(rate));
        let (early, late) = (report.between(3, 10), report.between(10, 15));
        assert_eq!(late.refused, 0, "{rate}: {:?}", report.seconds);
        assert!(early.refused * 3 < early.arrived, "{rate}: {early:?}");
    }
}

#[test]
fn an_overload_of_one_route_leaves_places_to_one_that_waits_and_the_other_way_round() {
    for times in [2.0, 6.0] {
        let workload = waiting::slow_route_beside_overload(times);
        let report = under_evenkeel(&workload);
        let computed = report.kinds[0].good as f64 / 6.0 / 990.0;
        println!("{times}: computed {computed:.3}, {:?}", report.kinds);
        assert!(computed >= 0.8, "{computed}: {:?}", report.kinds);
    }
}

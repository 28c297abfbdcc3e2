//! The judges of `see.slo` on rules and counters without a server.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use super::counted::counters;
use super::evaluation::Counted;
use super::*;
use crate::probes::see::metrics::exposition::Scrape;

/// Counters after so many good and bad requests.
fn scrape(good: usize, bad: usize) -> Scrape {
    let text = format!(
        "# TYPE requests_total counter\nrequests_total{{status=\"200\"}} {good}\nrequests_total{{status=\"503\"}} {bad}\n\
         # TYPE budget_left gauge\nbudget_left {}\n",
        100 - bad.min(100)
    );
    Scrape::read(&text).0
}

/// Ten good requests and then five bad ones, of which so many are counted.
fn counted(bad: usize) -> Counted {
    Counted { scrapes: [scrape(3, 1), scrape(13, 1), scrape(13, 1 + bad)], good: 10, bad: 5 }
}

fn share(window: &str) -> String {
    format!("sum(rate(requests_total{{status=~\"5..\"}}[{window}])) / sum(rate(requests_total[{window}]))")
}

fn rules(page: &str, ticket: Option<&str>) -> Rules {
    let alert = |name: &str, severity: &str, expression: &str| {
        format!("  - alert: {name}\n    expr: {expression}\n    labels: {{ severity: {severity} }}\n")
    };
    let record = |window: &str| format!("  - record: share:{window}\n    expr: {}\n", share(window));
    let all = ["5m", "1h", "2h", "1d"].map(record).concat();
    let ticket = ticket.map(|expression| alert("Slow", "ticket", expression)).unwrap_or_default();
    let mut rules = Rules::default();
    rules.add(&format!("groups:\n- name: g\n  rules:\n{all}{}{ticket}", alert("Fast", "page", page))).unwrap();
    rules
}

fn burns(page: &str, ticket: Option<&str>) -> Vec<Evidence> {
    let (rules, counted) = (rules(page, ticket), counted(5));
    let world = World { rules: &rules, counted: &counted };
    let of = |alert: &ops_files::Alert| Burn::of(world, alert, &world.ranges(&alert.expression).unwrap());
    burn::judge(&rules.alerts.iter().map(of).collect::<Vec<_>>())
}

const PAGE: &str = "share:5m > 14.4 * 0.001 and share:1h > 14.4 * 0.001";
const TICKET: &str = "share:2h > 3 * 0.001 and share:1d > 3 * 0.001";

#[test]
fn counters_are_exact_when_they_rise_by_the_requests_that_were_sent() {
    let rules = rules(PAGE, None);
    let seen = |counted: &Counted| {
        let world = World { rules: &rules, counted };
        counters(counted, &world.ranges(PAGE).unwrap()).map(|counters| counters.is_exact())
    };
    assert_eq!(seen(&counted(5)), Some(true));
    assert_eq!(seen(&counted(4)), Some(false), "one failure is not counted");
    assert_eq!(seen(&counted(6)), Some(false), "one is counted twice");
    let lost = Counted { scrapes: [scrape(3, 1), scrape(11, 1), scrape(11, 6)], good: 10, bad: 5 };
    assert_eq!(seen(&lost), Some(false), "two successes are not counted");
    let still = Counted { scrapes: [scrape(3, 1), scrape(3, 1), scrape(3, 1)], good: 10, bad: 5 };
    assert_eq!(seen(&still), None, "no counter is of these requests");
}

#[test]
fn a_page_comes_soon_and_ends_soon() {
    assert!(burns(PAGE, Some(TICKET)).iter().all(Evidence::is_for));
    let told = |page: &str| burns(page, Some(TICKET)).into_iter().find(Evidence::is_against).map(|piece| piece.what);
    assert!(told("share:1h > 0.0144").unwrap().contains("one window"));
    assert!(told("share:1h > 0.0144 and share:2h > 0.0144").unwrap().contains("still pages"));
    assert!(told("share:5m > 1.5 and share:1h > 1.5").unwrap().contains("can never fire"));
    assert!(told("share:5m > 0.9 and share:1d > 0.9").unwrap().contains("does not page within"));
}

#[test]
fn a_slow_burn_makes_a_ticket_and_no_page() {
    let of_ticket = |ticket: Option<&str>| burns(PAGE, ticket).iter().any(Evidence::is_against);
    assert!(!of_ticket(Some(TICKET)));
    assert!(of_ticket(Some("share:2h > 0.5 and share:1d > 0.5")), "the page comes first");
    assert!(of_ticket(None));
}

#[test]
fn an_alert_with_a_function_that_is_not_evaluated_is_a_gap() {
    let pieces = burns("share:5m > 0.1 and histogram_quantile(0.9, rate(requests_total[5m])) > 1", Some(TICKET));
    assert!(!pieces.iter().any(Evidence::decides), "{pieces:?}");
}

#[test]
fn a_time_that_an_alert_has_to_hold_counts() {
    let mut rules = rules(PAGE, Some(TICKET));
    rules.alerts[0].held = "2h".to_owned();
    let counted = counted(5);
    let world = World { rules: &rules, counted: &counted };
    let of = |alert: &ops_files::Alert| Burn::of(world, alert, &world.ranges(&alert.expression).unwrap());
    let pieces = burn::judge(&rules.alerts.iter().map(of).collect::<Vec<_>>());
    assert!(pieces.iter().any(|piece| piece.is_against() && piece.what.contains("does not page within")));
}

#[test]
fn a_series_or_a_rule_that_falls_with_failures_tells_the_budget() {
    let counted = counted(5);
    let judged = |record: Option<&str>, scrapes: &[Scrape; 3]| {
        let mut rules = rules(PAGE, None);
        if let Some(expression) = record {
            rules
                .add(&format!("groups:\n- name: b\n  rules:\n  - record: budget:left\n    expr: {expression}\n"))
                .unwrap();
        }
        budget::judge(World { rules: &rules, counted: &counted }, scrapes)
    };
    assert!(judged(None, &counted.scrapes).is_for(), "the series falls");
    let without = counted.scrapes.clone().map(|mut scrape| {
        scrape.samples.retain(|sample| sample.name != "budget_left");
        scrape
    });
    assert!(judged(None, &without).is_against());
    assert!(judged(Some("1 - share:1d / 0.001"), &without).is_for());
    assert!(!judged(Some("vector(0.001)"), &without).decides(), "it is of no counter");
    assert!(!judged(Some("share:1d"), &without).decides(), "it rises with failures");
}

#[test]
fn rules_are_declared_in_code_where_the_command_notices_a_changed_file() {
    let judged = |equal, notices_rules| declared(&Ok(Compared { equal, notices_rules, notices_dashboard: None }));
    assert!(judged(true, Some(true)).is_for());
    assert!(judged(false, Some(true)).is_against());
    assert!(!judged(true, Some(false)).decides());
    assert!(!declared(&Err("no command".to_owned())).decides());
}

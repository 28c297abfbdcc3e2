//! Tests of the rules, for `promtool test rules`.
//!
//! Each case begins with good answers for as long as the longest window in question; then a share of the answers is bad. From the formulas of
//! burn rates follows when the alert has to fire: not before, and not at half the factor; and it clears soon after the repair.

use std::fmt::Write;
use std::time::Duration;

use crate::objectives::{PAIRS, PERIOD, Severity, Slo};
use crate::observe::alerting_rules::{AlertingRule, Cause};
use crate::observe::numbers::{duration, number, quoted};
use crate::observe::recording_rules::{group_names, series};

/// Steps by which an evaluation may be early or late: Prometheus extrapolates to the edges of a window.
const SLACK: u32 = 2;

/// A case: bad answers for some time, then good ones, with the states that the alert has to have.
struct Case {
    name: String,
    /// Steps of good answers before.
    warm: u32,
    /// The share of bad answers, in budgets.
    burn: f64,
    bad: u32,
    /// Steps of good answers after.
    after: u32,
    /// Steps after the first bad answer, and whether the alert fires then.
    states: Vec<(u32, bool)>,
}

/// The tests of all alerts of one severity: a file has one interval of evaluation, and tickets have long windows.
pub(super) fn file(head: &str, service: &str, slos: &[Slo], alerts: &[AlertingRule], severity: Severity) -> String {
    // That of the shortest period.
    let shortest = slos.iter().map(|slo| slo.period).min().unwrap_or(PERIOD);
    let interval = duration(step(shortest, severity));
    // Recorded series first: promtool has no order of its own, and would read series of the step before.
    let order: String = group_names(service, slos).iter().map(|name| format!("- {name}\n")).collect();
    let mut out =
        format!("{head}rule_files:\n- rules.yml\nevaluation_interval: {interval}\ngroup_eval_order:\n{order}tests:\n");
    for alert in alerts.iter().filter(|alert| alert.severity == severity.name()) {
        match &alert.cause {
            Cause::Burn(slo, severity) => {
                for case in cases(slo, *severity) {
                    burn_test(&mut out, service, slo, alert, &case, step(slo.period, *severity));
                }
            }
            Cause::Absent => absent_test(&mut out, service, alert),
            Cause::Watchdog => {}
        }
    }
    out
}

/// The step of a series: of a period of 30 days, minutes for pages and ten minutes for tickets.
fn step(period: Duration, severity: Severity) -> Duration {
    match severity {
        Severity::Page => period / (30 * 24 * 60),
        Severity::Ticket => period / (30 * 24 * 6),
    }
}

fn cases(slo: &Slo, severity: Severity) -> Vec<Case> {
    let possible: Vec<_> =
        PAIRS.into_iter().filter(|pair| pair.severity == severity && pair.is_possible(slo.budget())).collect();
    let step = step(PERIOD, severity);
    let steps = |window: Duration| (window.as_secs() / step.as_secs()) as u32;
    // More than everything cannot be bad.
    let highest = 1.0 / slo.budget();
    let mut cases = Vec::new();
    let warm = possible.iter().map(|pair| steps(pair.long)).max().unwrap_or(0);
    for (index, pair) in possible.iter().enumerate() {
        // Faster than this pair, and slower than a pair with a higher factor.
        let burn = match index.checked_sub(1).map(|before| possible[before].factor) {
            Some(higher) => f64::midpoint(higher, pair.factor),
            None if severity == Severity::Page => 4.0 * pair.factor,
            None => f64::midpoint(pair.factor, PAIRS[1].factor),
        };
        let burn = burn.min(highest);
        let fires = (pair.factor * f64::from(steps(pair.long)) / burn).ceil() as u32;
        let bad = fires + SLACK + 1;
        // Long after the short window, which is a twelfth of the long one.
        let clears = bad + steps(pair.long) / 12 + SLACK;
        let mut states = vec![(fires + SLACK, true)];
        if fires > 2 * SLACK {
            states.insert(0, (fires - 2 * SLACK, false));
        }
        if index == 0 && severity == Severity::Page {
            states.push((clears, false));
        }
        cases.push(Case {
            name: format!("{} burns {} budgets", slo.name, number(burn)),
            warm,
            burn,
            bad,
            after: clears - bad + SLACK,
            states,
        });
    }
    if let Some(slowest) = possible.last() {
        let (burn, long) = (slowest.factor / 2.0, steps(slowest.long));
        // From the start on: the ratio is the same in every window.
        let (bad, states) = (long / 3, vec![(long / 6, false), (long / 3, false)]);
        let name = format!("{} burns {} budgets, half of the slowest factor", slo.name, number(burn));
        cases.push(Case { name, warm: 0, burn, bad, after: SLACK, states });
    }
    cases
}

fn burn_test(out: &mut String, service: &str, slo: &Slo, alert: &AlertingRule, case: &Case, step: Duration) {
    let least = slo.min_bad(Severity::Page).max(slo.min_bad(Severity::Ticket));
    // So many that the least number of bad answers is reached.
    let events = (10.0 * f64::from(least) / slo.budget()).ceil().max(600.0);
    // Whole numbers: a sum of fractions could fall short of their product, which would look like a restart.
    let bad = (events * slo.budget() * case.burn).round();
    let series = series(service, slo);
    let all = case.warm + case.bad + case.after + 1;
    let before_repair = number(bad * f64::from(case.bad));
    let _ = writeln!(
        out,
        "- name: {}\n  interval: {}\n  input_series:\n  - series: {}\n    values: \"0+{}x{all}\"\n  - series: {}\n    values: \"0x{} {}+{}x{} \
         {before_repair}x{}\"\n  promql_expr_test:",
        quoted(&format!("{}: {}", alert.name, case.name)),
        duration(step),
        quoted(&format!("objective_events_total{series}")),
        number(events),
        quoted(&format!("objective_bad_total{series}")),
        case.warm,
        number(bad),
        number(bad),
        case.bad.saturating_sub(1),
        case.after,
    );
    for (after, fires) in &case.states {
        state_test(out, alert, step * (case.warm + after), *fires);
    }
}

fn absent_test(out: &mut String, service: &str, alert: &AlertingRule) {
    let series = format!("objective_events_total{{service={}, objective=\"any\"}}", quoted(service));
    let _ = writeln!(
        out,
        "- name: {}\n  interval: 1m\n  input_series:\n  - series: {}\n    values: \"1x10\"\n  promql_expr_test:",
        quoted(&format!("{}: the numbers end", alert.name)),
        quoted(&series),
    );
    // A series is known for 5 minutes after its last sample.
    let (gone, slack) = (Duration::from_secs(16 * 60), Duration::from_secs(180));
    state_test(out, alert, Duration::from_secs(10 * 60), false);
    state_test(out, alert, (gone + alert.held).saturating_sub(slack), false);
    state_test(out, alert, gone + alert.held + slack, true);
}

fn state_test(out: &mut String, alert: &AlertingRule, at: Duration, fires: bool) {
    let expr = format!("count(ALERTS{{alertname={}, alertstate=\"firing\"}}) or vector(0)", quoted(&alert.name));
    let _ = writeln!(
        out,
        "  - expr: {}\n    eval_time: {}\n    exp_samples:\n    - value: {}",
        quoted(&expr),
        duration(at),
        u8::from(fires),
    );
}

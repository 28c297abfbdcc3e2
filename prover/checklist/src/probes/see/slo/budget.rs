//! The error budget: recorded by a rule or published by the service, and less after failures.

use super::evaluation::World;
use crate::clause::see::slo as clause;
use crate::finding::Evidence;
use crate::probes::see::metrics::exposition::Scrape;

/// The word in the names of budgets.
const BUDGET: &str = "budget";
/// The share of failures of the made-up course.
const FAILING: f64 = 0.5;

/// Judges the recording rules and the series whose names say that they are of a budget.
pub(super) fn judge(world: World<'_>, scrapes: &[Scrape; 3]) -> Evidence {
    let [_, between, after] = scrapes;
    let fallen =
        after.samples.iter().find(|sample| sample.name.contains(BUDGET) && sample.value < between.value(sample));
    if let Some(sample) = fallen {
        let what =
            format!("after failures {} falls from {} to {}", sample.shown(), between.value(sample), sample.value);
        return clause::BUDGETS.holds(what);
    }
    let mut named = None;
    for (name, rules) in world.rules.recorded.iter().filter(|(name, _)| name.contains(BUDGET)) {
        for rule in rules {
            let Ok(prepared) = world.prepare(&rule.expression) else { continue };
            let value = |share: f64| prepared.value(&|_| share);
            let Some((peace, failing)) = value(0.0).zip(value(FAILING)) else { continue };
            if failing < peace && counts(world, &rule.expression) {
                let what =
                    format!("the rule {name} gives {peace} without failures, and {failing:.1} when half of all fail");
                return clause::BUDGETS.holds(what);
            }
        }
        named.get_or_insert(name.clone());
    }
    let published = after.samples.iter().find(|sample| sample.name.contains(BUDGET)).map(|sample| sample.name.clone());
    match named.or(published) {
        Some(name) => clause::BUDGETS.gap(format!("{name} was not seen to fall with failures")),
        None => clause::BUDGETS.contradicts("neither a recording rule nor a series tells the error budget"),
    }
}

/// Returns true if the expression is on counters that bad requests of keel's moved.
fn counts(world: World<'_>, expression: &str) -> bool {
    let ranges = world.ranges(expression).unwrap_or_default();
    ranges.iter().filter_map(|selector| world.counted.rise(selector)).any(|[_, bad]| bad.abs() > 1e-9)
}

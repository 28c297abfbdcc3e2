//! `see.dashboards`: dashboards and alert rules are generated from the code's own metrics, never by hand.
//!
//! - **Hypothesis**: every metric that a declared dashboard or rule names is published by the running service or recorded by a
//!   rule; the declared command finds the files equal to what the code generates, and fails when a dashboard was changed by hand.
//! - **Sent**: the mix once, and one GET of the metrics; the command of `check`, on the files and on copies with one changed file.
//! - **Decides**: the files. A made-up name is not among the metrics: else that clause is a gap. Whether a panel shows data is not
//!   seen: that takes a Prometheus.
//! - **Blast radius**: what the mix does; the command of `check` runs in `workdir`.
//! - **Bound in time**: the command, at most a minute each time.

use super::ops_files::{self, Compared, Published, Query, Rules, is_published};
use crate::clause::see::dashboards as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "see.dashboards";

/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// Examines the declared files.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(ops) = lab.subject.ops.clone().filter(|ops| !ops.dashboards.is_empty()) else {
        let reason = "no dashboards are declared: say `dashboards` in [ops] of keel.toml";
        return Finding::unknown(ID, reason, Vec::new());
    };
    let (rules, queries) = match (Rules::read(&ops), ops_files::queries(&ops)) {
        (Ok(rules), Ok(queries)) => (rules, queries),
        (Err(what), _) | (_, Err(what)) => {
            return Finding::unknown(ID, format!("the files cannot be read: {what}"), Vec::new());
        }
    };
    // Some services publish a series once it has a value.
    lab.send_mix().await;
    let mut evidence = match ops_files::published(lab).await {
        Ok(published) => metrics(&rules, &queries, &published),
        Err(why) => vec![clause::METRICS.gap(why)],
    };
    evidence.extend(compared(&ops_files::compare(lab).await));
    Finding::judge(ID, evidence)
}

/// Judges the names of all metrics in queries and rules.
fn metrics(rules: &Rules, queries: &[Query], published: &Published) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    if queries.is_empty() {
        evidence.push(clause::METRICS.gap("the declared dashboards have no `expr`"));
    }
    let panels = queries.iter().map(|query| (format!("the panel {:?}", query.panel), &query.expression));
    let alerts = rules.alerts.iter().map(|alert| (format!("the alert {}", alert.name), &alert.expression));
    let (mut seen, mut named) = (0, std::collections::BTreeSet::new());
    for (place, expression) in panels.chain(alerts) {
        seen += 1;
        let metrics = rules.metrics(expression);
        let missing: Vec<&str> =
            metrics.iter().map(String::as_str).filter(|metric| !is_published(metric, &published.scrape)).collect();
        if !missing.is_empty() {
            let what = format!("{place} names {}, which the service does not publish", missing.join(", "));
            evidence.push(clause::METRICS.contradicts(what).showing(expression.clone()));
        }
        named.extend(metrics);
    }
    if evidence.is_empty() {
        let what = format!("{seen} queries and alerts name {} metrics, which are all published", named.len());
        evidence.push(clause::METRICS.holds(what));
    }
    evidence.into_iter().map(|piece| if piece.decides() { piece.by(&published.control) } else { piece }).collect()
}

/// Judges by the command whether the files are those that the code generates, and whether a change by hand is noticed.
fn compared(compared: &Result<Compared, String>) -> Vec<Evidence> {
    let compared = match compared {
        Ok(compared) => compared,
        Err(what) => return vec![clause::GENERATED.gap(what.clone()), clause::BY_HAND.gap(what.clone())],
    };
    let notices = compared.notices_dashboard == Some(true) && compared.notices_rules != Some(false);
    let told = |notices: bool| if notices { "fails" } else { "does not fail" };
    let what = format!(
        "`check` {} on a copy with a changed dashboard, and {} on one with a changed rule file",
        told(compared.notices_dashboard == Some(true)),
        told(compared.notices_rules != Some(false))
    );
    let by_hand = match compared.equal {
        true => clause::BY_HAND.saw(notices, what.clone()),
        false => clause::BY_HAND
            .contradicts("`check` finds that the files are not what the code generates: they were changed"),
    };
    let control =
        Control::seen(notices, what, "`check` does not notice every changed file, so it does not compare them");
    let generated = match control {
        Ok(control) => {
            let told = if compared.equal { "equal to" } else { "not" };
            clause::GENERATED
                .saw(compared.equal, format!("`check` finds the files {told} what the code generates"))
                .by(&control)
        }
        Err(failed) => clause::GENERATED.uncontrolled(&failed),
    };
    vec![generated, by_hand]
}

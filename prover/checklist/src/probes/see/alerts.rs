//! `see.alerts`: alerts are on symptoms, few, each with a playbook; rules are generated.
//!
//! - **Hypothesis**: of the declared rule files every alert has a severity, each that pages is on a metric of requests or objectives that
//!   the service publishes, there are at most `FEW` alerts, each links to a playbook that exists, and the declared command finds
//!   the files equal to what the code generates.
//! - **Sent**: one GET of the metrics; the command of `check`, on the files and on a copy with a changed rule file.
//! - **Decides**: the files. A made-up name is not among the metrics, and the command fails on the changed copy: else these clauses are
//!   gaps. A metric of which neither is known is a gap. A link to another host is not followed.
//! - **Blast radius**: none; the command of `check` runs in `workdir`.
//! - **Bound in time**: the command, at most a minute each time.

use std::path::Path;

use super::ops_files::{self, Alert, Compared, Published, Rules, is_published};
use crate::clause::see::alerts as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::subject::Ops;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "see.alerts";

/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// The most alerts of one service.
const FEW: usize = 10;
/// Severities that wake people.
pub(super) const PAGES: [&str; 7] = ["page", "pager", "critical", "emergency", "high", "p1", "sev1"];
/// Beginnings of names of metrics of causes.
const CAUSES: [&str; 9] =
    ["process_", "node_", "container_", "go_", "jvm_", "python_", "nodejs_", "kube_pod_container_status_", "machine_"];
/// Words in such names.
const CAUSE_WORDS: [&str; 9] = ["cpu", "memory", "heap", "load1", "load5", "disk", "threads", "restarts", "gc"];
/// Words in names of metrics of symptoms.
const SYMPTOM_WORDS: [&str; 16] = [
    "request",
    "requests",
    "response",
    "responses",
    "http",
    "rpc",
    "grpc",
    "error",
    "errors",
    "latency",
    "objective",
    "slo",
    "availability",
    "probe",
    "up",
    "age",
];
/// Annotations that link to a playbook.
const LINKS: [&str; 5] = ["runbook_url", "playbook_url", "runbook", "playbook", "runbook_link"];
/// The shortest playbook, in bytes: a heading alone is none.
const SHORTEST: u64 = 40;

/// Examines the declared files.
pub async fn examine(lab: &mut Lab) -> Finding {
    let Some(ops) = lab.subject.ops.clone().filter(|ops| !ops.rules.is_empty()) else {
        let reason = "no rule files are declared: say `rules` in [ops] of keel.toml";
        return Finding::unknown(ID, reason, Vec::new());
    };
    let rules = match Rules::read(&ops) {
        Ok(rules) if !rules.alerts.is_empty() => rules,
        Ok(_) => return Finding::unknown(ID, "the declared rule files have no alerts", Vec::new()),
        Err(what) => return Finding::unknown(ID, format!("the rules cannot be read: {what}"), Vec::new()),
    };
    let published = ops_files::published(lab).await;
    let mut evidence = symptoms(&rules, published.as_ref());
    evidence.push(few(rules.alerts.len()));
    evidence.extend(rules.alerts.iter().map(|alert| playbook(&ops, alert)));
    evidence.push(generated(&ops_files::compare(lab).await));
    Finding::judge(ID, evidence)
}

/// Judges the severities, and the metrics of alerts that page.
fn symptoms(rules: &Rules, published: Result<&Published, &String>) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    let unsaid: Vec<&str> = names(rules.alerts.iter().filter(|alert| !alert.labels.contains_key("severity")));
    if !unsaid.is_empty() {
        let what = format!("alerts without a severity, so that who is woken is not known: {}", unsaid.join(", "));
        evidence.push(clause::SYMPTOMS.contradicts(what));
    }
    let pages = rules.alerts.iter().filter(|alert| {
        alert.labels.get("severity").is_some_and(|severity| PAGES.contains(&severity.to_ascii_lowercase().as_str()))
    });
    let pages: Vec<&Alert> = pages.collect();
    if pages.is_empty() {
        evidence.push(clause::SYMPTOMS.gap(format!("no alert pages: none has a severity of {}", PAGES.join(", "))));
    }
    for alert in pages {
        evidence.push(page(rules, alert, published));
    }
    evidence
}

/// Judges an alert that pages.
fn page(rules: &Rules, alert: &Alert, published: Result<&Published, &String>) -> Evidence {
    let metrics: Vec<String> = rules.metrics(&alert.expression).into_iter().collect();
    let (name, shown) = (&alert.name, metrics.join(", "));
    let is_symptom = |metric: &&String| !is_cause(metric) && has_word(metric, &SYMPTOM_WORDS);
    if metrics.is_empty() {
        return clause::SYMPTOMS.contradicts(format!("{name} pages, and its expression names no metric"));
    }
    if !metrics.iter().any(|metric| is_symptom(&metric)) {
        return match metrics.iter().all(|metric| is_cause(metric)) {
            true => clause::SYMPTOMS.contradicts(format!("{name} pages on a cause: {shown}")),
            false => {
                clause::SYMPTOMS.gap(format!("whether {shown}, on which {name} pages, shows a symptom is not known"))
            }
        };
    }
    let published = match published {
        Ok(published) => published,
        Err(why) => {
            return clause::SYMPTOMS.gap(format!("whether {shown} of {name} are published is not known: {why}"));
        }
    };
    let missing = metrics.iter().find(|metric| !is_published(metric, &published.scrape));
    let piece = match missing {
        None => clause::SYMPTOMS.holds(format!("{name} pages on what users notice: {shown}")),
        Some(missing) => {
            clause::SYMPTOMS.contradicts(format!("{name} pages on {missing}, which the service does not publish"))
        }
    };
    piece.by(&published.control)
}

fn is_cause(metric: &str) -> bool {
    CAUSES.iter().any(|begin| metric.starts_with(begin)) || has_word(metric, &CAUSE_WORDS)
}

/// Returns true if one of the words of a name is one of these.
fn has_word(metric: &str, words: &[&str]) -> bool {
    metric.split(['_', ':']).any(|word| words.contains(&word.to_ascii_lowercase().as_str()))
}

fn names<'a>(alerts: impl Iterator<Item = &'a Alert>) -> Vec<&'a str> {
    alerts.map(|alert| alert.name.as_str()).collect()
}

/// Judges the number of alerts.
fn few(alerts: usize) -> Evidence {
    clause::FEW.saw(alerts <= FEW, format!("{alerts} alerts are declared; {FEW} are few"))
}

/// Judges the playbook of an alert.
fn playbook(ops: &Ops, alert: &Alert) -> Evidence {
    let name = &alert.name;
    let Some(link) = LINKS.iter().find_map(|link| alert.annotations.get(*link)) else {
        return clause::PLAYBOOK.contradicts(format!("{name} links to no playbook: it has no `runbook_url`"));
    };
    let path = link.split(['#', '?']).next().unwrap_or_default();
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_url = path.contains("://");
    let beside = (!is_url).then(|| ops.folder.join(path));
    let inside = ops.playbooks.as_ref().map(|folder| ops.folder.join(folder).join(last));
    let files = beside.into_iter().chain(inside).flat_map(|file| [file.with_extension("md"), file]);
    let found: Vec<u64> = files.filter_map(|file| length(&file)).collect();
    match found.iter().max() {
        Some(length) if *length >= SHORTEST => clause::PLAYBOOK.holds(format!("the playbook of {name} exists: {link}")),
        Some(_) => clause::PLAYBOOK.contradicts(format!("the playbook of {name} is empty: {link}")),
        None if is_url && ops.playbooks.is_none() => {
            let what =
                format!("the playbook of {name} is elsewhere, and was not fetched: {link}; say `playbooks` in [ops]");
            clause::PLAYBOOK.gap(what)
        }
        None => clause::PLAYBOOK.contradicts(format!("the playbook of {name} does not exist: {link}")),
    }
}

fn length(file: &Path) -> Option<u64> {
    std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file).map(|data| data.len())
}

/// Judges whether the rules are those that the code generates.
fn generated(compared: &Result<Compared, String>) -> Evidence {
    let compared = match compared {
        Ok(compared) => compared,
        Err(what) => return clause::GENERATED.gap(what.clone()),
    };
    let control = Control::seen(
        compared.notices_rules == Some(true),
        "`check` fails on a copy with a changed rule file",
        "`check` does not notice a changed rule file, so it does not compare the rules",
    );
    let (equal, told) = match compared.equal {
        true => (true, "`check` finds the rules equal to what the code generates"),
        false => (false, "`check` finds that the files are not what the code generates"),
    };
    match control {
        Ok(control) => clause::GENERATED.saw(equal, told).by(&control),
        Err(failed) => clause::GENERATED.uncontrolled(&failed),
    }
}

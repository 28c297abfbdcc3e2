//! The state of an objective as the service itself tells it, after failures.

use std::time::{Duration, Instant};

use crate::clause::see::slo as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::see::metrics::exposition::Scrape;
use crate::probes::see::ops_files;

/// The longest that a change of state is waited for.
const STATE_WITHIN: Duration = Duration::from_secs(15);
/// Words in the names of series that tell the state of an objective.
const STATES: [&str; 2] = ["alert", "burn"];
/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// Waits for a series of the state to change; nothing for a service that publishes none.
pub(super) async fn changed(lab: &Lab, before: &Scrape) -> Option<Evidence> {
    let is_state = |name: &str| STATES.iter().any(|word| name.contains(word));
    before.samples.iter().find(|sample| is_state(&sample.name))?;
    let since = Instant::now();
    while since.elapsed() < lab.pace.of(STATE_WITHIN) {
        if let Ok(now) = ops_files::published(lab).await {
            let states = now.scrape.samples.iter().filter(|sample| is_state(&sample.name));
            let risen: Vec<String> =
                states.filter(|sample| sample.value > before.value(sample)).map(|sample| sample.shown()).collect();
            // A word of a state before a number.
            if let Some(shown) = risen.iter().find(|shown| shown.contains("alert")).or(risen.first()) {
                let what = format!("{:.0?} after the failures the service itself says so: {shown}", since.elapsed());
                return Some(clause::ALERTS.figure(what));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
    Some(clause::ALERTS.figure("no series of the service's own of an alert or a burn rate changed with the failures"))
}

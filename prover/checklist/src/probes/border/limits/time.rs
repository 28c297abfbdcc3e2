//! Time limits of a head and a body; shared with `border.slow-clients`, which examines more of it.

use std::time::Duration;

use tokio::task::JoinSet;

use super::super::support::drips::{self, Patience, Until};
use super::super::support::harmless::{Harmless, PROMPT};
use crate::clause::border::limits as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::lab::drip::{Drip, Fate, Part};
use crate::probes::support::listener::Listener;

/// Number of control requests, and the pause between them, until every dripping connection is accepted.
const LOOKS: usize = 5;
const LOOK: Duration = Duration::from_millis(100);

/// Starts to drip, unless that has been seen in this run already.
pub(super) async fn start(lab: &Lab, listener: &Listener, harmless: &Harmless) -> JoinSet<Drip> {
    match lab.drips {
        Some(_) => JoinSet::new(),
        None => drips::start(lab, listener, harmless, &Until::patience(Patience::of(lab))).await,
    }
}

/// Returns true if other requests are not answered while connections drip, as a service with one worker leaves them waiting.
pub(super) async fn occupy(drips: &mut JoinSet<Drip>, harmless: &Harmless) -> bool {
    for _ in 0..LOOKS {
        if drips.is_empty() {
            return false;
        }
        let (same, exchange) = harmless.ask().await;
        if !same || exchange.took >= PROMPT {
            return true;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}

/// The outcome.
pub(super) async fn evidence(lab: &mut Lab, drips: &mut JoinSet<Drip>, takes_bodies: bool) -> Vec<Evidence> {
    let mut seen = Vec::new();
    while let Some(drip) = drips.join_next().await {
        seen.extend(drip);
    }
    let drips = lab.drips.get_or_insert(seen);
    let looked_at = |drip: &&Drip| drip.part == Part::Head || takes_bodies;
    drips.iter().filter(looked_at).map(of_drip).collect()
}

fn of_drip(drip: &Drip) -> Evidence {
    let name = &drip.name;
    let evidence = match &drip.fate {
        Fate::Cut(after, how) => clause::TIME.holds(format!("{name} was {how} after {after:.1?}")),
        Fate::Held(after) => clause::TIME.contradicts(format!("{name} was still held after {after:.1?}")),
        Fate::NotJudged(why) => clause::TIME.gap(format!("{name} could not be judged: {why}")),
    };
    let evidence = drip.recipe().into_iter().fold(evidence, Evidence::reproduced_by);
    drip.control.iter().fold(evidence, Evidence::by)
}

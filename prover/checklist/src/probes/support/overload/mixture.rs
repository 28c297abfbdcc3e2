//! Generators of a part of the mix: chosen requests, their weights, and the clients that send them.

use std::time::Duration;

use keel_load::profile::Profile;

use super::generator::{Generator, PATIENCE};
use crate::lab::Lab;
use crate::probes::support::{descriptors, mix};
use crate::subject::RequestSpec;

/// The sum of the weights of a part of the load is a multiple of this, so that it divides by the number of its requests.
const WHOLE: u32 = 60;
/// The most requests at a time of each of two generators that send at the same time.
const AT_A_TIME: usize = 1_000;

impl Generator {
    /// Of these requests, each with the weight 1; none when there are none.
    pub(crate) fn of_requests(lab: &Lab, specs: &[RequestSpec]) -> Option<Self> {
        if specs.is_empty() {
            return None;
        }
        let mut plan = mix::plan_of(lab, specs, Profile::constant(1.0, PATIENCE), PATIENCE);
        plan.connections = descriptors::spare(2 * AT_A_TIME);
        Some(Self { plan })
    }

    /// Gives each of these parts of the requests, by their places, this share of the load.
    #[must_use]
    pub(crate) fn with_shares(mut self, parts: &[(Vec<usize>, u32)]) -> Self {
        for (kinds, share) in parts {
            for kind in kinds {
                let number = u32::try_from(kinds.len()).unwrap_or(WHOLE);
                self.plan.kinds[*kind].weight = (share * WHOLE / number).max(1);
            }
        }
        self
    }

    /// Sends these requests alone; their places stay the same.
    #[must_use]
    pub(crate) fn only(&self, kinds: &[usize]) -> Self {
        let mut plan = self.plan.clone();
        let others = plan.kinds.iter_mut().enumerate().filter(|(place, _)| !kinds.contains(place));
        others.for_each(|(_, kind)| kind.weight = 0);
        Self { plan }
    }

    /// Sends from so many addresses; 0 stands for 127.0.0.1 alone, which is none of the others. It is one of two that send at the same
    /// time, so that it opens half as many connections.
    #[must_use]
    pub(crate) fn of_clients(&self, clients: u32) -> Self {
        let mut plan = self.plan.clone();
        plan.sources = clients;
        plan.connections = plan.connections.min(AT_A_TIME);
        Self { plan }
    }

    /// Adds these headers to each request, in the place of those that it has.
    #[must_use]
    pub(crate) fn with_headers(&self, headers: &[(String, String)]) -> Self {
        let mut plan = self.plan.clone();
        for kind in &mut plan.kinds {
            kind.headers.retain(|(name, _)| !headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
            kind.headers.extend_from_slice(headers);
        }
        Self { plan }
    }
}

/// Requests that were sent in a part of a load, and their outcomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) sent: usize,
    /// Answered as expected within the objective.
    pub(crate) in_time: usize,
    /// Refused with 503 or 429.
    pub(crate) refused: usize,
}

impl Served {
    /// The share that was answered in time; none of nothing.
    pub(crate) fn share(self) -> f64 {
        self.in_time as f64 / (self.sent as f64).max(1.0)
    }
}

impl super::Sending {
    /// The outcomes of these requests that were sent in a part of the load; of one that was cut off, see [`super::Sending::judged_until`].
    pub(crate) fn served(&self, kinds: &[usize], objective: Duration, from: Duration, to: Duration) -> Served {
        let tally = self.of_kinds(kinds).tally(objective, from, to);
        Served { sent: tally.sent(), in_time: tally.in_time, refused: tally.refused }
    }
}

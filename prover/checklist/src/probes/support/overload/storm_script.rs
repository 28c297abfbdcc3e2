//! Script that shows that some requests are not served beside a storm of others.

use std::time::Duration;

use super::recipe::MOST;
use super::shares::LOST;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::recipe::Recipe;
use crate::recipe::storm::Storm;
use crate::recipe::strain::closing;
use crate::subject::RequestSpec;

/// A storm that a script can send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StormScript<'a> {
    /// The requests of the storm, of which the script sends the first that only reads, with these headers.
    pub(crate) storm: &'a [RequestSpec],
    pub(crate) headers: &'a [(String, String)],
    /// Requests of the storm that the service does a second, and times as many that are sent.
    pub(crate) capacity: f64,
    pub(crate) times: f64,
    /// The requests beside it, likewise, their rate, and the number of their addresses.
    pub(crate) beside: &'a [RequestSpec],
    pub(crate) rate: f64,
    pub(crate) clients: u32,
    pub(crate) objective: Duration,
}

impl StormScript<'_> {
    /// Attaches the script to evidence; leaves it out for a service that does more than a script, or where nothing only reads.
    pub(crate) fn attach(self, lab: &Lab, piece: Evidence) -> Evidence {
        let reads = |specs: &[RequestSpec], headers: &[(String, String)]| {
            let mut spec = specs.iter().find(|spec| spec.only_reads())?.clone();
            spec.headers.extend(headers.iter().cloned());
            Some(closing(&lab.subject.url, &lab.fill(&spec)))
        };
        let (Some(storm), Some(beside)) = (reads(self.storm, self.headers), reads(self.beside, &[])) else {
            return piece;
        };
        if self.capacity.max(self.rate) > MOST {
            return piece;
        }
        let Self { times, rate, clients, objective, .. } = self;
        piece.reproduced_by(Recipe::Storm(Storm { storm, times, beside, rate, clients, objective, least: LOST }))
    }
}

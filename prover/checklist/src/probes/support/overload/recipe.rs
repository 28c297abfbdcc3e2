//! Script that shows an overload: for services that do so little that a script can send twice as much.

use std::time::Duration;

use super::Seen;
use super::judge::{CLEARLY, NEAR};
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::recipe::Recipe;
use crate::recipe::strain::{self, Overload, Overloaded};
use crate::subject::RequestSpec;

/// The most requests a second of a service that a script can overload: a script sends fewer than a thousand.
pub(super) const MOST: f64 = 400.0;

/// The request that a script sends.
pub(crate) struct Shown {
    request: Vec<u8>,
    objective: Duration,
}

impl Shown {
    /// Of the request of this name if it only reads, or else of the first one that does; none for a service that does more than a script.
    pub(crate) fn of(lab: &Lab, name: Option<&str>, seen: &Seen) -> Option<Self> {
        let reads: Vec<RequestSpec> = lab.mix().into_iter().filter(RequestSpec::only_reads).collect();
        let spec = reads.iter().find(|spec| Some(spec.name.as_str()) == name).or(reads.first());
        let request = spec.map_or_else(|| lab.harmless(), |spec| lab.fill(spec));
        let request = strain::closing(&lab.subject.url, &request);
        (seen.capacity <= MOST).then_some(Self { request, objective: seen.objective })
    }

    /// Attaches the script to evidence about goodput.
    pub(crate) fn goodput(shown: Option<&Self>, piece: Evidence) -> Evidence {
        Self::attach(shown, piece, Overloaded::Goodput(NEAR))
    }

    /// The same for evidence about refusals.
    pub(crate) fn surplus(shown: Option<&Self>, piece: Evidence) -> Evidence {
        Self::attach(shown, piece, Overloaded::Unrefused(CLEARLY))
    }

    /// The same for evidence about Retry-After.
    pub(crate) fn told_when(shown: Option<&Self>, piece: Evidence) -> Evidence {
        Self::attach(shown, piece, Overloaded::NoRetryAfter)
    }

    fn attach(shown: Option<&Self>, piece: Evidence, fault: Overloaded) -> Evidence {
        let Some(Self { request, objective }) = shown else { return piece };
        piece.reproduced_by(Recipe::Overload(Overload { request: request.clone(), objective: *objective, fault }))
    }
}

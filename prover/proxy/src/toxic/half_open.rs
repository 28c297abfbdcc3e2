//! `half_open`: cuts the source off and does not tell the destination.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Kind, Turn, Work, milliseconds};
use crate::queue::{End, Queue};

/// When it is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HalfOpen {
    /// Milliseconds after the toxic began to act on the connection.
    pub timeout: i64,
}

#[derive(Debug)]
pub(super) struct Cut {
    settings: HalfOpen,
    since: Option<Instant>,
}

impl Cut {
    pub(super) fn new(settings: HalfOpen) -> Self {
        Self { settings, since: None }
    }
}

impl Work for Cut {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        while to.has_room()
            && let Some(piece) = from.pop()
        {
            to.push(piece);
        }
        if from.ended().is_some() {
            // Whoever ends is not heard of either.
            to.finish(End::HalfOpen, turn.now);
        }
        let due = *self.since.get_or_insert(turn.now) + milliseconds(self.settings.timeout);
        if due > turn.now {
            return Some(due);
        }
        to.finish(End::HalfOpen, due);
        None
    }

    fn change(&mut self, kind: &Kind) {
        if let Kind::HalfOpen(settings) = kind {
            self.settings = *settings;
            self.since = None;
        }
    }
}

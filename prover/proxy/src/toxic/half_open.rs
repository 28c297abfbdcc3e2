//! `half_open`: cuts the source off and does not tell the destination.

use std::any::Any;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::{Attribute, Settings};
use super::work::{Turn, Work, milliseconds};
use crate::queue::{End, Queue};

/// Cuts the source off and does not tell the destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HalfOpen {
    /// Milliseconds after the toxic began to act on the connection.
    pub timeout: i64,
}

impl Settings for HalfOpen {
    const WORD: &'static str = "half_open";
    const HELP: &'static str = "cuts one side off without telling the other";
    const ATTRIBUTES: &'static [Attribute] = &[Attribute::new("timeout", "ms")];

    fn work(&self) -> Box<dyn Work> {
        Box::new(Cut::new(*self))
    }
}

#[derive(Debug)]
struct Cut {
    settings: HalfOpen,
    since: Option<Instant>,
}

impl Cut {
    fn new(settings: HalfOpen) -> Self {
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
            // The destination does not hear of the end either.
            to.finish(End::HalfOpen, turn.now);
        }
        let due = *self.since.get_or_insert(turn.now) + milliseconds(self.settings.timeout);
        if due > turn.now {
            return Some(due);
        }
        to.finish(End::HalfOpen, due);
        None
    }

    fn change(&mut self, settings: &dyn Any) {
        if let Some(settings) = settings.downcast_ref() {
            self.settings = *settings;
            self.since = None;
        }
    }
}

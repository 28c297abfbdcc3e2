//! `reset_peer`: resets the connection when something comes, or a while after.

use std::any::Any;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::{Attribute, Settings};
use super::work::{Turn, Work, milliseconds};
use crate::queue::{End, Queue};

/// Resets the connection when something comes, or a while after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResetPeer {
    /// Milliseconds after the first bytes, or the end, of the stream.
    pub timeout: i64,
}

impl Settings for ResetPeer {
    const WORD: &'static str = "reset_peer";
    const HELP: &'static str = "resets a while after the first bytes";
    const ATTRIBUTES: &'static [Attribute] = &[Attribute::new("timeout", "ms")];

    fn work(&self) -> Box<dyn Work> {
        Box::new(Fuse::new(*self))
    }
}

/// Lit by what comes first. Until it has burnt down, what has come waits, and goes on when the toxic is removed.
#[derive(Debug)]
struct Fuse {
    settings: ResetPeer,
    lit: Option<Instant>,
}

impl Fuse {
    fn new(settings: ResetPeer) -> Self {
        Self { settings, lit: None }
    }
}

impl Work for Fuse {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        if self.lit.is_none() && (!from.is_empty() || from.is_finished()) {
            self.lit = Some(turn.now);
        }
        let due = self.lit? + milliseconds(self.settings.timeout);
        if due > turn.now {
            return Some(due);
        }
        to.finish(End::Reset, due);
        None
    }

    fn change(&mut self, settings: &dyn Any) {
        if let Some(settings) = settings.downcast_ref() {
            self.settings = *settings;
        }
    }
}

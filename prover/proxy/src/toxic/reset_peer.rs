//! `reset_peer`: resets the connection when something comes, or a while after.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Kind, Turn, Work, milliseconds};
use crate::queue::{End, Queue};

/// When the reset comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResetPeer {
    /// Milliseconds after the first bytes, or the end, of the stream.
    pub timeout: i64,
}

/// Lit by what comes first. Until it has burnt down, what has come waits, and goes on when the toxic is removed.
#[derive(Debug)]
pub(super) struct Fuse {
    settings: ResetPeer,
    lit: Option<Instant>,
}

impl Fuse {
    pub(super) fn new(settings: ResetPeer) -> Self {
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

    fn change(&mut self, kind: &Kind) {
        if let Kind::ResetPeer(settings) = kind {
            self.settings = *settings;
        }
    }
}

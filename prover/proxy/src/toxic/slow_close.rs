//! `slow_close`: passes the end on later.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Kind, Turn, Work, milliseconds};
use crate::queue::Queue;

/// How late the end is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlowClose {
    /// Milliseconds.
    pub delay: i64,
}

#[derive(Debug)]
pub(super) struct Late {
    settings: SlowClose,
}

impl Late {
    pub(super) fn new(settings: SlowClose) -> Self {
        Self { settings }
    }
}

impl Work for Late {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        while to.has_room()
            && let Some(piece) = from.pop()
        {
            to.push(piece);
        }
        let (end, at) = from.ended()?;
        let due = at + milliseconds(self.settings.delay);
        if due > turn.now {
            return Some(due);
        }
        to.finish(end, due);
        None
    }

    fn change(&mut self, kind: &Kind) {
        if let Kind::SlowClose(settings) = kind {
            self.settings = *settings;
        }
    }
}

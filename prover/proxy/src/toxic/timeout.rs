//! `timeout`: passes nothing on, and closes after a while.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Kind, Removal, Turn, Work, milliseconds};
use crate::queue::{End, Queue};

/// When the connection is closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeout {
    /// Milliseconds after the toxic began to act on the connection; with 0 never.
    pub timeout: i64,
}

#[derive(Debug)]
pub(super) struct Silence {
    settings: Timeout,
    since: Option<Instant>,
}

impl Silence {
    pub(super) fn new(settings: Timeout) -> Self {
        Self { settings, since: None }
    }
}

impl Work for Silence {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        from.drop_all();
        let since = *self.since.get_or_insert(turn.now);
        if from.is_finished() {
            to.finish(End::Close, turn.now);
        }
        if self.settings.timeout <= 0 {
            return None;
        }
        let due = since + milliseconds(self.settings.timeout);
        if due > turn.now {
            return Some(due);
        }
        to.finish(End::Close, due);
        None
    }

    fn change(&mut self, kind: &Kind) {
        if let Kind::Timeout(settings) = kind {
            self.settings = *settings;
            self.since = None;
        }
    }

    /// Bytes may be missing: nobody is to see what comes after the gap.
    fn removal(&self) -> Removal {
        Removal::End(End::Close)
    }
}

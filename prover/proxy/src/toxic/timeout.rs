//! `timeout`: passes nothing on, and closes after a while.

use std::any::Any;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::{Attribute, Settings};
use super::work::{Removal, Turn, Work, milliseconds};
use crate::queue::{End, Queue};

/// Passes nothing on, and closes after a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeout {
    /// Milliseconds after the toxic began to act on the connection; with 0 never.
    pub timeout: i64,
}

impl Settings for Timeout {
    const WORD: &'static str = "timeout";
    const HELP: &'static str = "passes nothing, then closes";
    const ATTRIBUTES: &'static [Attribute] = &[Attribute::new("timeout", "ms; 0: never")];

    fn work(&self) -> Box<dyn Work> {
        Box::new(Silence::new(*self))
    }
}

#[derive(Debug)]
struct Silence {
    settings: Timeout,
    since: Option<Instant>,
}

impl Silence {
    fn new(settings: Timeout) -> Self {
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

    fn change(&mut self, settings: &dyn Any) {
        if let Some(settings) = settings.downcast_ref() {
            self.settings = *settings;
            self.since = None;
        }
    }

    /// Ends the stream: bytes may be missing, and nothing may follow the gap.
    fn removal(&self) -> Removal {
        Removal::End(End::Close)
    }
}

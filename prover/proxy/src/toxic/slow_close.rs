//! `slow_close`: passes the end on later.

use std::any::Any;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::{Attribute, Settings};
use super::work::{Turn, Work, milliseconds};
use crate::queue::Queue;

/// Passes the end on later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlowClose {
    /// Milliseconds.
    pub delay: i64,
}

impl Settings for SlowClose {
    const WORD: &'static str = "slow_close";
    const HELP: &'static str = "delays the end of the stream";
    const ATTRIBUTES: &'static [Attribute] = &[Attribute::new("delay", "ms")];
    const LOSSLESS: bool = true;

    fn work(&self) -> Box<dyn Work> {
        Box::new(Late::new(*self))
    }
}

#[derive(Debug)]
struct Late {
    settings: SlowClose,
}

impl Late {
    fn new(settings: SlowClose) -> Self {
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

    fn change(&mut self, settings: &dyn Any) {
        if let Some(settings) = settings.downcast_ref() {
            self.settings = *settings;
        }
    }
}

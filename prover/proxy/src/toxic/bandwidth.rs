//! `bandwidth`: passes bytes on at a limited rate.

use std::any::Any;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::{Attribute, Settings};
use super::work::{Turn, Work};
use crate::queue::Queue;

/// Maximum size of a piece that is passed on, in milliseconds of the rate.
const MAX_PIECE_MS: i64 = 100;

/// Passes bytes on at a limited rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bandwidth {
    /// Kilobytes (1000 bytes) a second; with 0 nothing goes.
    pub rate: i64,
}

impl Settings for Bandwidth {
    const WORD: &'static str = "bandwidth";
    const HELP: &'static str = "limits the rate; at 0 nothing passes";
    const ATTRIBUTES: &'static [Attribute] = &[Attribute::new("rate", "KB/s")];
    const LOSSLESS: bool = true;

    fn work(&self) -> Box<dyn Work> {
        Box::new(Meter::new(*self))
    }
}

/// A line that is busy until `free`, with a piece on it that is through at `due`.
#[derive(Debug)]
struct Meter {
    settings: Bandwidth,
    free: Option<Instant>,
    due: Option<Instant>,
}

impl Meter {
    fn new(settings: Bandwidth) -> Self {
        Self { settings, free: None, due: None }
    }
}

impl Work for Meter {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        let rate = self.settings.rate;
        while rate > 0
            && to.has_room()
            && let Some(front) = from.front()
        {
            let most = usize::try_from(rate.saturating_mul(MAX_PIECE_MS)).unwrap_or(usize::MAX);
            let size = front.bytes.len().min(most);
            let takes = Duration::from_micros(size as u64 * 1000 / rate as u64);
            let due = *self.due.get_or_insert_with(|| self.free.unwrap_or(turn.now).max(front.at) + takes);
            if due > turn.now {
                return Some(due);
            }
            self.free = self.due.take();
            if let Some(piece) = from.cut(most) {
                to.push(piece);
            }
        }
        from.pass_end(to);
        None
    }

    fn change(&mut self, settings: &dyn Any) {
        if let Some(settings) = settings.downcast_ref() {
            self.settings = *settings;
            self.due = None;
            // The old rate's debts do not bind the new one.
            self.free = None;
        }
    }
}

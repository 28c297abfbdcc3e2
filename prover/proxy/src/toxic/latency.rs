//! `latency`: passes everything on later.

use std::any::Any;
use std::collections::VecDeque;

use rand::RngExt;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::{Attribute, Settings};
use super::work::{Turn, Work, milliseconds};
use crate::queue::Queue;

/// The bytes on the way in one delayed stream: with 100 ms that is 80 MB/s.
const MAX_ON_THE_WAY: usize = 8 << 20;

/// Passes everything on later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// Milliseconds.
    pub latency: i64,
    /// Milliseconds more or less, drawn evenly for each piece; the order is kept.
    pub jitter: i64,
}

impl Settings for Latency {
    const WORD: &'static str = "latency";
    const HELP: &'static str = "delays everything, in order";
    const ATTRIBUTES: &'static [Attribute] = &[Attribute::new("latency", "ms"), Attribute::new("jitter", "ms")];
    const LOSSLESS: bool = true;

    fn work(&self) -> Box<dyn Work> {
        Box::new(Delay::new(*self))
    }
}

/// Due time of each waiting piece, drawn when the piece comes.
#[derive(Debug)]
struct Delay {
    settings: Latency,
    due: VecDeque<Instant>,
}

impl Delay {
    fn new(settings: Latency) -> Self {
        Self { settings, due: VecDeque::new() }
    }

    fn draw(&self, arrived: Instant, turn: &mut Turn<'_>) -> Instant {
        let Latency { latency, jitter } = self.settings;
        let jitter = jitter.clamp(0, i64::MAX / 4);
        let more = if jitter > 0 { turn.luck.random_range(-jitter..jitter) } else { 0 };
        arrived + milliseconds(latency.saturating_add(more))
    }
}

impl Work for Delay {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        for arrived in from.pieces().skip(self.due.len()).map(|piece| piece.at).collect::<Vec<_>>() {
            let due = self.draw(arrived, turn);
            self.due.push_back(due);
        }
        while to.has_room()
            && let Some(due) = self.due.front().copied()
        {
            if due > turn.now {
                return Some(due);
            }
            self.due.pop_front();
            if let Some(mut piece) = from.pop() {
                // From here on it counts as arrived now or before: two latencies add up.
                piece.at = piece.at.max(due);
                to.push(piece);
            }
        }
        from.pass_end(to);
        None
    }

    /// Bytes that wait become due anew, under the new settings.
    fn change(&mut self, settings: &dyn Any) {
        if let Some(settings) = settings.downcast_ref() {
            self.settings = *settings;
            self.due.clear();
        }
    }

    fn capacity(&self) -> usize {
        MAX_ON_THE_WAY
    }
}

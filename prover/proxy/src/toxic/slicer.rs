//! `slicer`: passes small pieces on, with pauses.

use std::any::Any;
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::{Attribute, Settings};
use super::work::{LONGEST_MS, Turn, Work};
use crate::queue::Queue;

/// Passes small pieces on, with pauses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Slicer {
    /// Bytes; below 1 counts as 1.
    pub average_size: i64,
    /// Bytes more or less, drawn evenly; to be less than the average.
    pub size_variation: i64,
    /// Microseconds between two pieces.
    pub delay: i64,
}

impl Settings for Slicer {
    const WORD: &'static str = "slicer";
    const HELP: &'static str = "passes small pieces, with pauses";
    const ATTRIBUTES: &'static [Attribute] = &[
        Attribute::new("average_size", "bytes"),
        Attribute::new("size_variation", "bytes"),
        Attribute::new("delay", "us"),
    ];
    const LOSSLESS: bool = true;

    fn work(&self) -> Box<dyn Work> {
        Box::new(Knife::new(*self))
    }
}

#[derive(Debug)]
struct Knife {
    settings: Slicer,
    next: Option<Instant>,
}

impl Knife {
    fn new(settings: Slicer) -> Self {
        Self { settings, next: None }
    }

    fn size(&self, turn: &mut Turn<'_>) -> usize {
        let average = self.settings.average_size.clamp(1, i64::MAX / 4);
        let variation = self.settings.size_variation.clamp(0, average);
        let more = if variation > 0 { turn.luck.random_range(-variation..=variation) } else { 0 };
        usize::try_from((average + more).max(1)).unwrap_or(usize::MAX)
    }
}

impl Work for Knife {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        while to.has_room() && !from.is_empty() {
            if let Some(next) = self.next.filter(|next| *next > turn.now) {
                return Some(next);
            }
            let size = self.size(turn);
            if let Some(piece) = from.cut(size) {
                to.push(piece);
            }
            let pause = u64::try_from(self.settings.delay).unwrap_or(0).min(LONGEST_MS);
            self.next = (pause > 0).then(|| turn.now + Duration::from_micros(pause));
        }
        from.pass_end(to);
        None
    }

    fn change(&mut self, settings: &dyn Any) {
        if let Some(settings) = settings.downcast_ref() {
            self.settings = *settings;
            self.next = None;
        }
    }
}

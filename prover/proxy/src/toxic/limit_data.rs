//! `limit_data`: closes after a number of bytes.

use std::any::Any;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::{Attribute, Settings};
use super::work::{Turn, Work};
use crate::queue::{End, Queue};

/// Closes after so many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitData {
    /// Bytes of each connection, from when the toxic was put on it; with 0 it is closed instead of the first byte.
    pub bytes: i64,
}

impl Settings for LimitData {
    const WORD: &'static str = "limit_data";
    const HELP: &'static str = "closes after a number of bytes";
    const ATTRIBUTES: &'static [Attribute] = &[Attribute::new("bytes", "")];

    fn work(&self) -> Box<dyn Work> {
        Box::new(Allowance::new(*self))
    }
}

/// Number of bytes that passed; it survives a change of the limit.
#[derive(Debug)]
struct Allowance {
    settings: LimitData,
    passed: u64,
}

impl Allowance {
    fn new(settings: LimitData) -> Self {
        Self { settings, passed: 0 }
    }

    fn left(&self) -> u64 {
        u64::try_from(self.settings.bytes).unwrap_or(0).saturating_sub(self.passed)
    }
}

impl Work for Allowance {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        while to.has_room() && !from.is_empty() {
            let left = usize::try_from(self.left()).unwrap_or(usize::MAX);
            if left > 0
                && let Some(piece) = from.cut(left)
            {
                self.passed += piece.bytes.len() as u64;
                to.push(piece);
            }
            if self.left() == 0 {
                to.finish(End::Close, turn.now);
            }
        }
        from.pass_end(to);
        None
    }

    fn change(&mut self, settings: &dyn Any) {
        if let Some(settings) = settings.downcast_ref() {
            self.settings = *settings;
        }
    }
}

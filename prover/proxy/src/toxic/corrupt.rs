//! `corrupt`: flips bits.

use std::any::Any;

use bytes::BytesMut;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::settings::{Attribute, Settings};
use super::work::{Turn, Work};
use crate::queue::Queue;

/// Flips bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Corrupt {
    /// Of a million bytes, how many have one bit flipped, in the mean; drawn for each byte.
    pub rate: i64,
}

impl Settings for Corrupt {
    const WORD: &'static str = "corrupt";
    const HELP: &'static str = "flips bits";
    const ATTRIBUTES: &'static [Attribute] = &[Attribute::new("rate", "bytes in a million")];

    fn work(&self) -> Box<dyn Work> {
        Box::new(Noise::new(*self))
    }
}

/// Draws the distance to the next byte that is hit, which is geometrically distributed, instead of a number a byte.
#[derive(Debug)]
struct Noise {
    settings: Corrupt,
    until: Option<usize>,
}

/// Denominator of the rate.
const MILLION: f64 = 1e6;

impl Noise {
    fn new(settings: Corrupt) -> Self {
        Self { settings, until: None }
    }

    fn gap(&self, turn: &mut Turn<'_>) -> usize {
        let share = (self.settings.rate as f64 / MILLION).clamp(0.0, 1.0);
        if share <= 0.0 {
            return usize::MAX;
        }
        let draw: f64 = 1.0 - turn.luck.random::<f64>();
        // A float that is too large becomes the largest integer.
        (draw.ln() / (1.0 - share).ln()).floor() as usize
    }

    fn flip(&mut self, bytes: &mut [u8], turn: &mut Turn<'_>) {
        let mut at = 0_usize;
        loop {
            let until = match self.until {
                Some(until) => until,
                None => self.gap(turn),
            };
            let hit = at.saturating_add(until);
            if hit >= bytes.len() {
                self.until = Some(until - (bytes.len() - at));
                return;
            }
            bytes[hit] ^= 1 << turn.luck.random_range(0..8);
            self.until = None;
            at = hit + 1;
        }
    }
}

impl Work for Noise {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        while to.has_room()
            && let Some(mut piece) = from.pop()
        {
            let mut bytes = BytesMut::from(piece.bytes);
            self.flip(&mut bytes, turn);
            piece.bytes = bytes.freeze();
            to.push(piece);
        }
        from.pass_end(to);
        None
    }

    fn change(&mut self, settings: &dyn Any) {
        if let Some(settings) = settings.downcast_ref() {
            self.settings = *settings;
            self.until = None;
        }
    }
}

//! The work of a toxic on one stream of one connection.

use std::any::Any;
use std::time::Duration;

use rand::rngs::ChaCha12Rng;
use tokio::time::Instant;

use crate::queue::{End, Queue};

/// The bytes that a toxic without a reason for more holds.
pub(crate) const STAGE_BYTES: usize = 256 << 10;

/// The work of a toxic on one stream of one connection. It never waits: it moves what may go now, and says when to come again.
pub(crate) trait Work: Send + std::fmt::Debug {
    /// Moves what may go now from one queue to the next. When time alone will let more go: at which instant.
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant>;

    /// Takes other settings, of the toxic's own type; what was done so far stays done.
    fn change(&mut self, _settings: &dyn Any) {}

    /// The bytes that it may hold; with 0 it takes nothing.
    fn capacity(&self) -> usize {
        STAGE_BYTES
    }

    /// The fate of the connection when the toxic is removed.
    fn removal(&self) -> Removal {
        Removal::Flush
    }
}

/// The fate of a connection when a toxic is taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// The bytes that the toxic held go on.
    Flush,
    /// The stream has a hole: the connection ends so.
    End(End),
}

/// The moment at which a toxic works.
pub(crate) struct Turn<'a> {
    pub(crate) now: Instant,
    pub(crate) luck: &'a mut ChaCha12Rng,
    /// The client has said something on this connection.
    pub(crate) client_spoke: bool,
}

/// A setting in milliseconds; below zero counts as zero.
pub(super) fn milliseconds(setting: i64) -> Duration {
    Duration::from_millis(u64::try_from(setting).unwrap_or(0).min(LONGEST_MS))
}

/// Ten years: beyond any wait, and far from where instants end.
pub(super) const LONGEST_MS: u64 = 10 * 365 * 86_400_000;

//! `blackhole`: never reads.

use tokio::time::Instant;

use super::{Turn, Work};
use crate::queue::Queue;

/// Takes nothing, so that the sender's bytes stay in the sender's and the kernel's buffers.
#[derive(Debug)]
pub(super) struct Hole;

impl Work for Hole {
    fn advance(&mut self, _: &mut Queue, _: &mut Queue, _: &mut Turn<'_>) -> Option<Instant> {
        None
    }

    fn capacity(&self) -> usize {
        0
    }
}

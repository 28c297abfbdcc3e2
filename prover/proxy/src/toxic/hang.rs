//! `hang`: reads everything and passes nothing on.

use tokio::time::Instant;

use super::{Removal, Turn, Work};
use crate::queue::{End, Queue};

/// Whether bytes were lost.
#[derive(Debug, Default)]
pub(super) struct Swallow {
    lost: bool,
}

impl Work for Swallow {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        self.lost |= from.drop_all() > 0;
        if from.is_finished() {
            to.finish(End::Close, turn.now);
        }
        None
    }

    /// Who has lost bytes must not wait for what cannot come; who has not may go on.
    fn removal(&self) -> Removal {
        if self.lost { Removal::End(End::Reset) } else { Removal::Flush }
    }
}

//! `lost_answer`: waits for the answer and closes without giving it.

use tokio::time::Instant;

use super::{Turn, Work};
use crate::queue::{End, Queue};

/// What the upstream says before the client has spoken (a greeting) passes.
#[derive(Debug)]
pub(super) struct Loss;

impl Work for Loss {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        if turn.client_spoke && !from.is_empty() {
            to.finish(End::Close, turn.now);
        } else {
            from.pass(to);
        }
        None
    }
}

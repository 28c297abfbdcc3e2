//! The work of the toxics that stand in the upstream's place: `garbage`, `server_error`, `endless`, `reset_request`.

use tokio::time::Instant;

use super::work::{Turn, Work};
use crate::queue::{End, Queue};
use crate::request;

/// Reads the request until it is whole, and then ends the connection so. What was read before goes on when it is removed.
#[derive(Debug)]
pub(super) struct Stand {
    end: End,
    /// The number of bytes that were parsed, and the time since which the request is waited for.
    seen: usize,
    since: Option<Instant>,
}

impl Stand {
    pub(super) fn new(end: End) -> Self {
        Self { end, seen: 0, since: None }
    }
}

impl Work for Stand {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        if from.is_empty() {
            if from.is_finished() {
                to.finish(End::Close, turn.now);
            }
            return None;
        }
        let due = *self.since.get_or_insert(turn.now) + request::PATIENCE;
        let more = std::mem::replace(&mut self.seen, from.bytes()) != from.bytes();
        let whole = || {
            let bytes: Vec<u8> = from.pieces().flat_map(|piece| piece.bytes.iter().copied()).collect();
            request::is_whole(&bytes)
        };
        if due <= turn.now || from.is_finished() || (more && whole()) {
            from.drop_all();
            to.finish(self.end, turn.now);
            return None;
        }
        Some(due)
    }

    fn capacity(&self) -> usize {
        request::MAX_REQUEST
    }
}

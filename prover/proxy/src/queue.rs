//! The queue between two toxics: pieces of a stream in order, and then perhaps its end.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::time::Instant;

/// The most pieces that wait in one place, however small they are.
pub(super) const MAX_PIECES: usize = 4096;

/// Some bytes, and when they arrived here.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    pub(super) at: Instant,
}

/// End of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its source has said all: the other direction may go on.
    Finish,
    /// In order, both directions.
    Close,
    /// With a reset, both directions.
    Reset,
    /// The source is cut off and the destination is not told.
    HalfOpen,
    /// The proxy answers in the upstream's place and then closes.
    Answer(Answer),
}

/// An answer of the proxy in the upstream's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Garbage,
    ServerError,
    Endless,
}

/// Queue of pieces in order. Its limit stops additions; pieces that are flushed when a toxic is removed may exceed it.
#[derive(Debug)]
pub(super) struct Queue {
    pieces: VecDeque<Piece>,
    bytes: usize,
    limit: usize,
    end: Option<(End, Instant)>,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self { pieces: VecDeque::new(), bytes: 0, limit, end: None }
    }

    /// Returns true if another piece may be added.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < self.limit && self.pieces.len() < MAX_PIECES && self.end.is_none()
    }

    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter()
    }

    pub(super) fn front(&self) -> Option<&Piece> {
        self.pieces.front()
    }

    /// Adds a piece; after the end nothing can come any more.
    pub(super) fn push(&mut self, piece: Piece) {
        if self.end.is_none() && !piece.bytes.is_empty() {
            self.bytes += piece.bytes.len();
            self.pieces.push_back(piece);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front()?;
        self.bytes -= piece.bytes.len();
        Some(piece)
    }

    /// The first `most` bytes of the first piece, or all of it where it is shorter.
    pub(super) fn cut(&mut self, most: usize) -> Option<Piece> {
        let front = self.pieces.front_mut()?;
        if front.bytes.len() <= most {
            return self.pop();
        }
        let bytes = front.bytes.split_to(most);
        self.bytes -= bytes.len();
        Some(Piece { bytes, at: front.at })
    }

    /// Marks the end; the first one counts.
    pub(super) fn finish(&mut self, end: End, at: Instant) {
        self.end.get_or_insert((end, at));
    }

    /// The end, once everything before it is gone.
    pub(super) fn ended(&self) -> Option<(End, Instant)> {
        self.end.filter(|_| self.pieces.is_empty())
    }

    /// Returns true if an end was marked, also while pieces are before it.
    pub(super) fn is_finished(&self) -> bool {
        self.end.is_some()
    }

    /// Throws away what waits, and says how many bytes that were.
    pub(super) fn drop_all(&mut self) -> usize {
        self.pieces.clear();
        std::mem::take(&mut self.bytes)
    }

    /// Moves everything, the end included, behind what is in `to`.
    pub(super) fn flush(&mut self, to: &mut Self) {
        while let Some(piece) = self.pop() {
            to.push(piece);
        }
        if let Some((end, at)) = self.end.take() {
            to.finish(end, at);
        }
    }

    /// Moves what has room, and the end when nothing is left.
    pub(super) fn pass(&mut self, to: &mut Self) {
        while to.has_room() {
            let Some(piece) = self.pop() else { break };
            to.push(piece);
        }
        self.pass_end(to);
    }

    pub(super) fn pass_end(&mut self, to: &mut Self) {
        if let Some((end, at)) = self.ended() {
            to.finish(end, at);
        }
    }
}

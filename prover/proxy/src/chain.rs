//! The toxics of one stream of one connection, one behind the other.
//!
//! A chain never waits and touches no socket: bytes are put in, what may go now comes out, and it says when time will let
//! more go. It is changed between two steps, so a change can neither lose nor reorder a byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::ChaCha12Rng;
use tokio::time::Instant;

use crate::queue::{End, Piece, Queue};
use crate::toxic::{Removal, STAGE_BYTES, Toxic, Turn, Work};
use keel_input::seed::Seed;

/// The bytes that have left the last toxic and wait for the destination.
const OUT_BYTES: usize = 256 << 10;

/// The connection of a chain, as far as the chain may know it.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) seed: Seed,
    /// Names the stream in the run, so that its draws repeat: proxy, how-manieth connection, direction.
    pub(super) stream: String,
    pub(super) client_spoke: Arc<AtomicBool>,
}

#[derive(Debug)]
pub(super) struct Chain {
    stages: Vec<Stage>,
    out: Queue,
    /// Nothing goes in or out: its proxy is paused.
    pub(super) held: bool,
    origin: Origin,
    luck: Option<ChaCha12Rng>,
}

/// A toxic and what waits for it.
#[derive(Debug)]
struct Stage {
    name: String,
    word: &'static str,
    toxicity: f32,
    /// Drawn: the toxic acts on this connection.
    acts: bool,
    does_without_upstream: bool,
    inbox: Queue,
    work: Box<dyn Work>,
}

impl Stage {
    fn advance(&mut self, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant> {
        if self.acts {
            return self.work.advance(&mut self.inbox, to, turn);
        }
        self.inbox.pass(to);
        None
    }

    fn fit(&mut self) {
        self.inbox.set_limit(if self.acts { self.work.capacity() } else { STAGE_BYTES });
    }
}

impl Chain {
    pub(super) fn new<'a>(toxics: impl Iterator<Item = &'a Toxic>, origin: Origin) -> Self {
        let mut chain = Self { stages: Vec::new(), out: Queue::new(OUT_BYTES), held: false, origin, luck: None };
        for toxic in toxics {
            chain.add(toxic);
        }
        chain
    }

    /// Puts a toxic behind the others: it acts on everything that has not left the chain yet.
    pub(super) fn add(&mut self, toxic: &Toxic) {
        let acts = self.draw(toxic.toxicity);
        let mut stage = Stage {
            name: toxic.name.clone(),
            word: toxic.kind.word(),
            toxicity: toxic.toxicity,
            acts,
            does_without_upstream: toxic.kind.does_without_upstream(),
            inbox: Queue::new(STAGE_BYTES),
            work: toxic.kind.work(),
        };
        stage.fit();
        self.stages.push(stage);
    }

    /// Gives a toxic other settings. Whether it acts is drawn again only when its toxicity has changed.
    pub(super) fn update(&mut self, toxic: &Toxic) {
        let Some(at) = self.stages.iter().position(|stage| stage.name == toxic.name) else { return };
        if self.stages[at].toxicity != toxic.toxicity {
            self.stages[at].toxicity = toxic.toxicity;
            self.stages[at].acts = self.draw(toxic.toxicity);
        }
        self.stages[at].work.change(toxic.kind.settings());
        self.stages[at].fit();
    }

    /// Takes a toxic out; what it held goes on, before what comes.
    pub(super) fn remove(&mut self, name: &str, now: Instant) {
        let Some(at) = self.stages.iter().position(|stage| stage.name == name) else { return };
        let mut stage = self.stages.remove(at);
        let removal = if stage.acts { stage.work.removal() } else { Removal::Flush };
        let next = self.stages.get_mut(at).map_or(&mut self.out, |next| &mut next.inbox);
        match removal {
            Removal::Flush => stage.inbox.flush(next),
            Removal::End(end) => next.finish(end, now),
        }
    }

    /// Returns true if no toxic acts on the stream, so that its bytes need not pass through the chain.
    pub(super) fn is_clear(&self) -> bool {
        !self.held
            && self.stages.iter().all(|stage| !stage.acts && stage.inbox.is_empty() && !stage.inbox.is_finished())
            && self.out.is_empty()
            && !self.out.is_finished()
    }

    /// Returns true if the chain accepts further bytes of the source.
    pub(super) fn wants_input(&self) -> bool {
        !self.held && self.stages.first().map_or(&self.out, |first| &first.inbox).has_room()
    }

    /// Returns true if a toxic holds back all bytes of the upstream, so that no upstream is needed.
    pub(super) fn does_without_upstream(&self) -> bool {
        self.out.is_empty() && self.stages.iter().any(|stage| stage.acts && stage.does_without_upstream)
    }

    /// Returns true if a toxic of this type acts on the stream.
    pub(super) fn has(&self, word: &str) -> bool {
        self.stages.iter().any(|stage| stage.acts && stage.word == word)
    }

    pub(super) fn put(&mut self, bytes: Bytes, now: Instant) {
        self.first().push(Piece { bytes, at: now });
    }

    pub(super) fn finish(&mut self, end: End, now: Instant) {
        self.first().finish(end, now);
    }

    /// Ends the stream at once, with the bytes in it dropped.
    pub(super) fn break_off(&mut self, end: End, now: Instant) {
        self.stages.clear();
        self.held = false;
        self.out = Queue::new(OUT_BYTES);
        self.out.finish(end, now);
    }

    fn first(&mut self) -> &mut Queue {
        self.stages.first_mut().map_or(&mut self.out, |first| &mut first.inbox)
    }

    /// Moves everything as far as it may go now. When time alone will let more go: at which instant.
    pub(super) fn advance(&mut self, now: Instant) -> Option<Instant> {
        if self.held {
            return None;
        }
        let Self { stages, out, origin, luck, .. } = self;
        let luck = luck.get_or_insert_with(|| origin.seed.generator(&origin.stream));
        let mut turn = Turn { now, luck, client_spoke: origin.client_spoke.load(Ordering::Relaxed) };
        let mut wake = None;
        // From the end, so that there is room where the one before puts it; as often as something can move at all.
        for _ in 0..=stages.len() {
            wake = None;
            let before = held(stages, out);
            for at in (0..stages.len()).rev() {
                let (here, after) = stages.split_at_mut(at + 1);
                let to = after.first_mut().map_or(&mut *out, |next| &mut next.inbox);
                let due = here[at].advance(to, &mut turn);
                wake = [wake, due].into_iter().flatten().min();
            }
            if held(stages, out) == before {
                break;
            }
        }
        wake
    }

    /// Returns the next bytes for the destination.
    pub(super) fn next_output(&self) -> Option<&Bytes> {
        self.out.front().filter(|_| !self.held).map(|piece| &piece.bytes)
    }

    /// So much of it has gone.
    pub(super) fn written(&mut self, length: usize) {
        self.out.cut(length);
    }

    /// Returns the end of the stream, once everything before it has been sent.
    pub(super) fn ended(&self) -> Option<End> {
        self.out.ended().filter(|_| !self.held).map(|(end, _)| end)
    }

    fn draw(&mut self, toxicity: f32) -> bool {
        // The edges cost no draw, so that what else is drawn does not depend on them.
        if toxicity >= 1.0 || toxicity <= 0.0 {
            return toxicity >= 1.0;
        }
        let origin = &self.origin;
        self.luck.get_or_insert_with(|| origin.seed.generator(&origin.stream)).random::<f32>() < toxicity
    }
}

/// Returns the fill of all queues: if it is the same as before, nothing has moved.
fn held(stages: &[Stage], out: &Queue) -> Vec<(usize, usize, bool)> {
    let queues = stages.iter().map(|stage| &stage.inbox).chain([out]);
    queues.map(|queue| (queue.len(), queue.bytes(), queue.is_finished())).collect()
}

#[cfg(test)]
mod tests;

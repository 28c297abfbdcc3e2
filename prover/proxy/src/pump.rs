//! One direction of one connection: from a socket through the chain to the other socket.
//!
//! While the chain has nothing to do, bytes go past it, through a buffer.
//! Everything that is done between two waits is done under the chain's lock, so a change of toxics is in force as soon as
//! the lock has been had, also for bytes that were read and not yet written.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::chain::Chain;
use crate::queue::{Answer, End};
use crate::socket::Socket;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;
/// Rounds until other connections get their turn.
const ROUNDS: usize = 16;

/// A chain that its pump and the proxy's owner share.
#[derive(Debug)]
pub(super) struct Line {
    chain: Mutex<Chain>,
    changed: Notify,
}

impl Line {
    pub(super) fn new(chain: Chain) -> Arc<Self> {
        Arc::new(Self { chain: Mutex::new(chain), changed: Notify::new() })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Changes the chain. On return the change is in force.
    pub(super) fn change(&self, change: impl FnOnce(&mut Chain)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }

    /// Until the chain has been changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// Bytes of one direction of a proxy, all connections together.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
}

/// End of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Everything was passed on, and the destination was told that there is no more.
    Finished,
    /// The destination takes nothing any more.
    Broken,
    /// Both directions are to be closed in order.
    Closed,
    /// Both directions are to be reset.
    Reset,
    /// The source is to be cut off, the destination is not to be told.
    HalfOpen,
    /// The client is to be answered.
    Answer(Answer),
    /// There are bytes for an upstream that is not connected yet.
    NeedsUpstream,
}

/// The events to wait for.
#[derive(Debug, Default)]
struct Wait {
    readable: bool,
    writable: bool,
    until: Option<Instant>,
    /// There is more to do at once.
    again: bool,
}

enum Step {
    Wait(Wait),
    Ended(Ending),
}

/// Moves the bytes of one direction. The bytes that it holds between two waits belong to the pump, so it may be stopped and run again.
#[derive(Debug)]
pub(super) struct Pump {
    line: Arc<Line>,
    flow: Arc<Flow>,
    /// Set when the source has said something.
    spoke: Option<Arc<AtomicBool>>,
    /// Read and not yet written, from `start` to `end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The source has ended so.
    source_ended: Option<End>,
}

impl Pump {
    pub(super) fn new(line: Arc<Line>, flow: Arc<Flow>, spoke: Option<Arc<AtomicBool>>) -> Self {
        Self { line, flow, spoke, buffer: Vec::new(), start: 0, end: 0, source_ended: None }
    }

    /// Until the direction ends, or without `to` until a destination is needed. Cancel-safe.
    pub(super) async fn run(&mut self, from: &Socket, to: Option<&Socket>) -> Ending {
        loop {
            let wait = match self.step(from, to) {
                Step::Ended(ending) => return ending,
                Step::Wait(wait) => wait,
            };
            if wait.again {
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = self.line.changed() => {}
                _ = from.readable(), if wait.readable => {}
                _ = writable(to), if wait.writable => {}
                () = until(wait.until), if wait.until.is_some() => {}
            }
        }
    }

    /// Everything that can be done now.
    fn step(&mut self, from: &Socket, to: Option<&Socket>) -> Step {
        let line = Arc::clone(&self.line);
        let mut chain = line.lock();
        match to {
            Some(to) if chain.is_clear() => self.pass_by(from, to),
            _ => self.through(&mut chain, from, to),
        }
    }

    /// Past the chain.
    fn pass_by(&mut self, from: &Socket, to: &Socket) -> Step {
        for _ in 0..ROUNDS {
            match self.give(to) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Step::Wait(Wait { writable: true, ..Wait::default() });
                }
                Err(_) => return Step::Ended(Ending::Broken),
            }
            match self.source_ended {
                Some(End::Finish) => {
                    to.finish();
                    return Step::Ended(Ending::Finished);
                }
                Some(_) => return Step::Ended(Ending::Reset),
                None => {}
            }
            match self.take(from) {
                Ok(0) => self.source_ended = Some(End::Finish),
                Ok(length) => self.heard(length),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Step::Wait(Wait { readable: true, ..Wait::default() });
                }
                Err(_) => self.source_ended = Some(End::Reset),
            }
        }
        Step::Wait(Wait { again: true, ..Wait::default() })
    }

    /// Takes from the source, into the buffer, which is empty.
    fn take(&mut self, from: &Socket) -> io::Result<usize> {
        self.buffer.resize(PIECE, 0);
        let length = from.try_read(&mut self.buffer)?;
        (self.start, self.end) = (0, length);
        Ok(length)
    }

    /// Gives everything that was taken to the destination.
    fn give(&mut self, to: &Socket) -> io::Result<()> {
        while self.start < self.end {
            let length = to.try_write(&self.buffer[self.start..self.end])?;
            self.start += length;
            self.flow.sent.fetch_add(length as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    fn heard(&self, length: usize) {
        self.flow.received.fetch_add(length as u64, Ordering::Relaxed);
        if let Some(spoke) = &self.spoke {
            spoke.store(true, Ordering::Relaxed);
        }
    }

    /// Through the chain.
    fn through(&mut self, chain: &mut Chain, from: &Socket, to: Option<&Socket>) -> Step {
        if chain.held {
            return Step::Wait(Wait::default());
        }
        self.hand_over(chain);
        let mut wait = Wait::default();
        for _ in 0..ROUNDS {
            wait = Wait::default();
            let took = self.take_into(chain, from, &mut wait);
            wait.until = chain.advance(Instant::now());
            let gave = match (to, chain.next_output()) {
                (Some(to), Some(_)) => match self.give_from(chain, to, &mut wait) {
                    Ok(gave) => gave,
                    Err(_) => return Step::Ended(Ending::Broken),
                },
                (None, Some(_)) => return Step::Ended(Ending::NeedsUpstream),
                _ => false,
            };
            if let Some(end) = chain.ended() {
                return Step::Ended(self.conclude(end, to));
            }
            if to.is_none() && !chain.does_without_upstream() {
                return Step::Ended(Ending::NeedsUpstream);
            }
            if !took && !gave {
                return Step::Wait(wait);
            }
        }
        wait.again = true;
        Step::Wait(wait)
    }

    fn conclude(&self, end: End, to: Option<&Socket>) -> Ending {
        match (end, to) {
            (End::Finish, Some(to)) => {
                to.finish();
                Ending::Finished
            }
            (End::Finish, None) => Ending::NeedsUpstream,
            (End::Close, _) => Ending::Closed,
            (End::Reset, _) => Ending::Reset,
            (End::HalfOpen, _) => Ending::HalfOpen,
            (End::Answer(answer), _) => Ending::Answer(answer),
        }
    }

    /// Puts the bytes that were on their way past the chain into it.
    fn hand_over(&mut self, chain: &mut Chain) {
        let now = Instant::now();
        if self.start < self.end {
            chain.put(Bytes::copy_from_slice(&self.buffer[self.start..self.end]), now);
            self.start = self.end;
        }
        if let Some(end) = self.source_ended {
            chain.finish(end, now);
        }
    }

    /// Returns true if bytes came from the source.
    fn take_into(&mut self, chain: &mut Chain, from: &Socket, wait: &mut Wait) -> bool {
        if self.source_ended.is_some() || !chain.wants_input() {
            return false;
        }
        self.buffer.resize(PIECE, 0);
        let now = Instant::now();
        match from.try_read(&mut self.buffer) {
            Ok(0) => self.source_ended = Some(End::Finish),
            Ok(length) => {
                self.heard(length);
                chain.put(BytesMut::from(&self.buffer[..length]).freeze(), now);
                return true;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                wait.readable = true;
                return false;
            }
            Err(_) => self.source_ended = Some(End::Reset),
        }
        if let Some(end) = self.source_ended {
            chain.finish(end, now);
        }
        true
    }

    /// Returns true if bytes went to the destination.
    fn give_from(&mut self, chain: &mut Chain, to: &Socket, wait: &mut Wait) -> io::Result<bool> {
        let mut gave = false;
        while let Some(bytes) = chain.next_output() {
            match to.try_write(bytes) {
                Ok(length) => {
                    self.flow.sent.fetch_add(length as u64, Ordering::Relaxed);
                    chain.written(length);
                    gave = true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    wait.writable = true;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(gave)
    }
}

async fn writable(to: Option<&Socket>) {
    match to {
        Some(to) => drop(to.writable().await),
        None => std::future::pending().await,
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

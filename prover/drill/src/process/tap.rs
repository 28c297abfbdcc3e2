//! The pipe of one stream of output, whose reader can be held or closed.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The size that a held pipe is given, in bytes: a page, the least that Linux allows.
#[cfg(target_os = "linux")]
const SMALL: usize = 4096;

/// Fill of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Bytes that were written and not read.
    pub unread: u64,
    /// Bytes that it takes in all.
    pub capacity: u64,
}

/// State of the reader of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    On,
    Held,
    Closed,
}

/// Decides whether the thread that reads a pipe goes on.
#[derive(Debug)]
pub(super) struct Tap {
    reading: Mutex<Reading>,
    changed: Condvar,
    /// The reading end a second time, to ask how full the pipe is. None once it is closed.
    pipe: Mutex<Option<OwnedFd>>,
    read: AtomicU64,
    gone: AtomicBool,
}

impl Tap {
    /// Of a pipe that is read.
    pub(super) fn of(pipe: BorrowedFd<'_>) -> Self {
        Self {
            reading: Mutex::new(Reading::On),
            changed: Condvar::new(),
            // Without it only the fill is not told.
            pipe: Mutex::new(pipe.try_clone_to_owned().ok()),
            read: AtomicU64::new(0),
            gone: AtomicBool::new(false),
        }
    }

    /// Waits while the reader is held; then whether it may read. For the reading thread.
    pub(super) fn may_read(&self) -> bool {
        let reading = self.reading();
        let held = self.changed.wait_while(reading, |reading| *reading == Reading::Held);
        *held.unwrap_or_else(PoisonError::into_inner) == Reading::On
    }

    /// Counts bytes that were read. For the reading thread.
    pub(super) fn count(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Relaxed);
    }

    /// Says that the reading end is closed. For the reading thread, at its end.
    pub(super) fn gone(&self) {
        drop(self.pipe().take());
        self.gone.store(true, Relaxed);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    pub(super) fn read_so_far(&self) -> u64 {
        self.read.load(Relaxed)
    }

    pub(super) fn hold(&self) {
        #[cfg(target_os = "linux")]
        if let Some(pipe) = self.pipe().as_ref() {
            // Refused while more is in it than it would take then; it is only slower to fill.
            let _ = rustix::pipe::fcntl_setpipe_size(pipe, SMALL);
        }
        self.set(Reading::Held);
    }

    /// Reads on, unless it is closed.
    pub(super) fn release(&self) {
        if *self.reading() == Reading::Held {
            self.set(Reading::On);
        }
    }

    pub(super) fn close(&self) {
        drop(self.pipe().take());
        self.set(Reading::Closed);
    }

    pub(super) fn fill(&self) -> Option<Fill> {
        let pipe = self.pipe();
        let pipe = pipe.as_ref()?;
        #[cfg(target_os = "linux")]
        {
            let unread = rustix::io::ioctl_fionread(pipe).ok()?;
            let capacity = rustix::pipe::fcntl_getpipe_size(pipe).ok()? as u64;
            Some(Fill { unread, capacity })
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = pipe;
            None
        }
    }

    fn set(&self, reading: Reading) {
        *self.reading() = reading;
        self.changed.notify_all();
    }

    // A panic while a lock is held leaves both values whole.
    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pipe(&self) -> MutexGuard<'_, Option<OwnedFd>> {
        self.pipe.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_held_pipe_fills_and_a_closed_one_tells_nothing() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let tap = Tap::of(reader.as_fd());
        tap.hold();
        writer.write_all(b"0123456789").unwrap();
        assert_eq!(tap.fill(), Some(Fill { unread: 10, capacity: 4096 }));
        tap.close();
        assert_eq!(tap.fill(), None);
        assert!(!tap.may_read());
        tap.release();
        assert!(!tap.may_read(), "what is closed stays closed");
    }
}

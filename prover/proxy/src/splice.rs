//! A pipe through which the kernel moves bytes from one socket to another without copying them here.

use std::io;
use std::os::fd::OwnedFd;

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::Interest;

use crate::socket::Socket;

/// The size that is asked for: more at a time, fewer calls. The kernel may refuse and leave its own 64 KiB.
const PIPE_BYTES: usize = 1 << 20;

/// One direction's pipe, and what is in it.
///
/// It is filled only when it is empty: then a call that would block says that the socket has nothing, and not that the
/// pipe is full.
#[derive(Debug)]
pub(super) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    held: usize,
}

impl Pipe {
    pub(super) fn new() -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        let _ = fcntl_setpipe_size(&write, PIPE_BYTES);
        Ok(Self { read, write, held: 0 })
    }

    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Takes from the socket; 0 at its end. Only for an empty pipe.
    pub(super) fn fill(&mut self, from: &Socket) -> io::Result<usize> {
        debug_assert_eq!(self.held, 0, "a full pipe and an empty socket could not be told apart");
        let length =
            from.try_io(Interest::READABLE, || Ok(splice(from, None, &self.write, None, PIPE_BYTES, FLAGS)?))?;
        self.held = length;
        Ok(length)
    }

    /// Gives to the socket.
    pub(super) fn drain(&mut self, to: &Socket) -> io::Result<usize> {
        let length = to.try_io(Interest::WRITABLE, || Ok(splice(&self.read, None, to, None, self.held, FLAGS)?))?;
        self.held -= length;
        Ok(length)
    }

    /// Takes everything that is in it into memory.
    pub(super) fn empty(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.held];
        let mut taken = 0;
        while taken < bytes.len() {
            match rustix::io::read(&self.read, &mut bytes[taken..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => taken += length,
            }
        }
        self.held = 0;
        Ok(bytes)
    }
}

const FLAGS: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);

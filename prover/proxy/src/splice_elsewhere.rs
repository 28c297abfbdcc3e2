//! Where there is no splice(2) there is no pipe: bytes go through the buffer.

use std::io;

use crate::socket::Socket;

/// Cannot be made.
#[derive(Debug)]
pub(super) enum Pipe {}

impl Pipe {
    pub(super) fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn held(&self) -> usize {
        match *self {}
    }

    pub(super) fn fill(&mut self, _: &Socket) -> io::Result<usize> {
        match *self {}
    }

    pub(super) fn drain(&mut self, _: &Socket) -> io::Result<usize> {
        match *self {}
    }

    pub(super) fn empty(&mut self) -> io::Result<Vec<u8>> {
        match *self {}
    }
}

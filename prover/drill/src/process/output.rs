//! The output of a program, line by line, in bounded memory.

use std::collections::VecDeque;
use std::io::Read;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::tap::Tap;

/// The most lines kept of one program; older ones make room.
pub const MAX_LINES: usize = 20_000;
/// The most bytes kept of one line; the rest of the line is dropped and `…` says so.
pub const MAX_LINE: usize = 64 << 10;
/// The most bytes kept of all lines together; older lines make room.
pub const MAX_BYTES: usize = 32 << 20;

/// The stream of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// One line of output.
#[derive(Clone, Debug)]
pub struct Line {
    /// Since the program's start.
    pub at: Duration,
    /// Its stream.
    pub stream: Stream,
    /// The text, shortened at 64 KiB.
    pub text: String,
}

/// Collects the lines of both streams.
#[derive(Debug)]
pub(super) struct Output {
    since: Instant,
    kept: Mutex<Kept>,
    open: watch::Sender<usize>,
    /// Of standard output and of standard error.
    taps: [OnceLock<Arc<Tap>>; 2],
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<Line>,
    bytes: usize,
}

impl Output {
    pub(super) fn new(since: Instant) -> Arc<Self> {
        Arc::new(Self { since, kept: Mutex::default(), open: watch::Sender::new(0), taps: Default::default() })
    }

    /// Reads `from` to its end on a thread of its own, which ends with the last process that holds the other side.
    pub(super) fn collect(self: &Arc<Self>, stream: Stream, mut from: impl Read + AsFd + Send + 'static) {
        self.open.send_modify(|open| *open += 1);
        let output = Arc::clone(self);
        let tap = Arc::clone(self.taps[place(stream)].get_or_init(|| Arc::new(Tap::of(from.as_fd()))));
        std::thread::spawn(move || {
            let mut line = Assembly::default();
            let mut piece = vec![0; 16 << 10];
            while tap.may_read() {
                match from.read(&mut piece) {
                    Ok(0) => break,
                    Ok(length) => {
                        tap.count(length);
                        line.take(&piece[..length], |text| output.push(stream, text));
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            drop(from);
            tap.gone();
            line.finish(|text| output.push(stream, text));
            output.open.send_modify(|open| *open -= 1);
        });
    }

    /// The pipe of a stream that is collected.
    pub(super) fn tap(&self, stream: Stream) -> Option<&Tap> {
        self.taps[place(stream)].get().map(Arc::as_ref)
    }

    /// The pipes of the streams that are collected.
    pub(super) fn taps(&self) -> impl Iterator<Item = &Tap> {
        [Stream::Out, Stream::Err].into_iter().filter_map(|stream| self.tap(stream))
    }

    /// Waits until both streams have ended; cancel-safe.
    pub(super) async fn ended(&self) {
        // The sender is ours, so the channel cannot close while we wait.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    pub(super) fn lines(&self) -> Vec<Line> {
        self.kept().lines.iter().cloned().collect()
    }

    fn push(&self, stream: Stream, text: String) {
        let mut kept = self.kept();
        kept.bytes += text.len();
        kept.lines.push_back(Line { at: self.since.elapsed(), stream, text });
        while kept.lines.len() > MAX_LINES || kept.bytes > MAX_BYTES {
            let Some(oldest) = kept.lines.pop_front() else { break };
            kept.bytes -= oldest.text.len();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic while the lock is held leaves at worst one line less.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(stream: Stream) -> usize {
    match stream {
        Stream::Out => 0,
        Stream::Err => 1,
    }
}

/// A line in the making.
#[derive(Debug, Default)]
struct Assembly {
    bytes: Vec<u8>,
    cut: bool,
}

impl Assembly {
    fn take(&mut self, mut piece: &[u8], mut whole: impl FnMut(String)) {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            self.add(&piece[..end]);
            whole(self.text());
            piece = &piece[end + 1..];
        }
        self.add(piece);
    }

    fn finish(mut self, whole: impl FnOnce(String)) {
        if !self.bytes.is_empty() {
            whole(self.text());
        }
    }

    fn add(&mut self, part: &[u8]) {
        let room = MAX_LINE - self.bytes.len();
        self.cut |= part.len() > room;
        self.bytes.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn text(&mut self) -> String {
        let mut text = String::from_utf8_lossy(&self.bytes).into_owned();
        if text.ends_with('\r') {
            text.pop();
        }
        if self.cut {
            text.push('…');
        }
        self.bytes.clear();
        self.cut = false;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assembled(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut assembly = Assembly::default();
        for piece in pieces {
            assembly.take(piece, |text| lines.push(text));
        }
        assembly.finish(|text| lines.push(text));
        lines
    }

    #[test]
    fn lines_are_whole_for_every_split_of_the_bytes() {
        assert_eq!(assembled(&[b"on", b"e\ntw", b"o\r\n\nlast"]), ["one", "two", "", "last"]);
    }

    #[test]
    fn a_line_without_end_is_cut_and_says_so() {
        let long = vec![b'x'; MAX_LINE];
        let lines = assembled(&[&long, b"more", &long, b"\nnext\n"]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].len(), MAX_LINE + '…'.len_utf8());
        assert!(lines[0].ends_with('…'));
        assert_eq!(lines[1], "next");
    }

    #[test]
    fn old_lines_make_room_for_new_ones() {
        let output = Output::new(Instant::now());
        for number in 0..MAX_LINES + 10 {
            output.push(Stream::Out, number.to_string());
        }
        let lines = output.lines();
        assert_eq!(lines.len(), MAX_LINES);
        assert_eq!(lines[0].text, "10");
    }

    #[test]
    fn long_lines_are_bounded_together() {
        let output = Output::new(Instant::now());
        let long = "x".repeat(MAX_LINE);
        for _ in 0..2 * MAX_BYTES / MAX_LINE {
            output.push(Stream::Err, long.clone());
        }
        assert_eq!(output.lines().len(), MAX_BYTES / MAX_LINE);
    }
}

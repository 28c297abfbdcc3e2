//! Control frames of an HTTP/2 connection: a flood of them ends the connection.
//!
//! Each costs the server work and the peer nothing: PING, SETTINGS, PRIORITY, RST_STREAM, empty DATA, unknown types, and WINDOW_UPDATE while no
//! request is open. The counter reads the frames' heads as they pass by; the protocol itself is the server's.

use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::PREFACE;

/// The most control frames in a [`WINDOW`], beside those that requests and bodies bring along.
const BUDGET: u32 = 1000;
const WINDOW: Duration = Duration::from_secs(10);
/// Control frames that come with a request or a piece of a body: an answer to a PING, a cancellation.
const PER_FRAME_OF_A_REQUEST: u32 = 2;

/// Length of a frame's head (RFC 9113, 4.1).
const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// GOAWAY without its last stream: its length, its type, its flags and stream 0.
const GOAWAY: [u8; HEAD] = [0, 0, 8, 7, 0, 0, 0, 0, 0];
/// The error code ENHANCE_YOUR_CALM (RFC 9113, 7).
const ENHANCE_YOUR_CALM: [u8; 4] = [0, 0, 0, 0xb];

/// Counter of the control frames of one connection.
#[derive(Debug)]
pub(crate) struct ControlFrames {
    head: [u8; HEAD],
    /// Bytes of the next frame's head that have come.
    have: usize,
    /// Bytes before the next frame's head: of the preface, or of a frame's payload.
    skip: usize,
    /// Control frames since the window began.
    count: u32,
    budget: u32,
    began: Instant,
    last_stream: u32,
    headers: Headers,
    /// Time at which the server had read a part of a request's headers and no more came.
    head_since: Option<Instant>,
}

/// Headers of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Headers {
    None,
    /// A frame of them has begun.
    Begun {
        /// It ends them.
        is_last: bool,
    },
}

impl ControlFrames {
    /// The counter of a connection that has sent nothing yet.
    pub(crate) fn new(now: Instant) -> Self {
        let skip = PREFACE.len();
        Self {
            head: [0; HEAD],
            have: 0,
            skip,
            count: 0,
            budget: BUDGET,
            began: now,
            last_stream: 0,
            headers: Headers::None,
            head_since: None,
        }
    }

    /// Counts the frames in `bytes`. Returns false when there were too many.
    pub(crate) fn received(&mut self, bytes: &[u8], is_idle: bool, now: impl Fn() -> Instant) -> bool {
        let within = self.count_frames(bytes, is_idle, &now);
        match (self.headers, self.head_since) {
            (Headers::None, _) => self.head_since = None,
            (_, None) => self.head_since = Some(now()),
            _ => {}
        }
        within
    }

    fn count_frames(&mut self, mut bytes: &[u8], is_idle: bool, now: &impl Fn() -> Instant) -> bool {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if self.skip == 0 && self.headers == (Headers::Begun { is_last: true }) {
                self.headers = Headers::None;
            }
            let part = (HEAD - self.have).min(bytes.len());
            self.head[self.have..self.have + part].copy_from_slice(&bytes[..part]);
            self.have += part;
            bytes = &bytes[part..];
            if self.have < HEAD {
                return true;
            }
            self.have = 0;
            if !self.begins(is_idle, now) {
                return false;
            }
        }
    }

    /// A frame's head is complete.
    fn begins(&mut self, is_idle: bool, now: impl Fn() -> Instant) -> bool {
        let [length @ .., kind, flags, _, _, _, _] = self.head;
        let [a, b, c] = length;
        let [_, _, _, _, _, stream @ ..] = self.head;
        self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        match kind {
            HEADERS | CONTINUATION => {
                self.last_stream = self.last_stream.max(u32::from_be_bytes(stream) & (u32::MAX >> 1));
                self.headers = Headers::Begun { is_last: flags & END_HEADERS != 0 };
                self.budget = self.budget.saturating_add(if kind == HEADERS { PER_FRAME_OF_A_REQUEST } else { 0 });
                true
            }
            DATA if self.skip > 0 => {
                self.budget = self.budget.saturating_add(PER_FRAME_OF_A_REQUEST);
                true
            }
            // An open request may be one whose answer takes much window.
            WINDOW_UPDATE if !is_idle => true,
            _ => self.counts(now),
        }
    }

    fn counts(&mut self, now: impl Fn() -> Instant) -> bool {
        self.count += 1;
        if self.count <= self.budget {
            return true;
        }
        let now = now();
        if now.saturating_duration_since(self.began) < WINDOW {
            return false;
        }
        (self.count, self.budget, self.began) = (1, BUDGET, now);
        true
    }

    /// Returns since when the server waits for the rest of a request's headers; none: it does not.
    pub(crate) fn head_since(&self) -> Option<Instant> {
        self.head_since
    }

    /// The frame that tells the peer why its connection ends.
    pub(crate) fn goaway(&self) -> Vec<u8> {
        [&GOAWAY[..], &self.last_stream.to_be_bytes(), &ENHANCE_YOUR_CALM].concat()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    /// Sends each frame on its own; returns how many were taken.
    fn taken(frames: &[Vec<u8>], is_idle: bool, step: Duration) -> usize {
        let mut now = Instant::now();
        let mut counter = ControlFrames::new(now);
        assert!(counter.received(PREFACE, is_idle, || now));
        frames
            .iter()
            .take_while(|frame| {
                now += step;
                counter.received(frame, is_idle, || now)
            })
            .count()
    }

    #[test]
    fn a_flood_of_control_frames_is_over_the_budget() {
        for (kind, payload) in
            [(6, &[0; 8][..]), (4, &[0; 6]), (2, &[0; 5]), (3, &[0; 4]), (0, &[]), (250, &[1]), (8, &[0, 0, 0, 1])]
        {
            let flood = vec![frame(kind, 0, payload); 3000];
            assert_eq!(taken(&flood, true, Duration::from_millis(1)), 1000, "frames of type {kind}");
        }
    }

    #[test]
    fn control_frames_over_a_long_time_and_those_of_requests_and_answers_are_taken() {
        let pings = vec![frame(6, 0, &[0; 8]); 5000];
        assert_eq!(taken(&pings, true, Duration::from_millis(20)), 5000);
        let windows = vec![frame(WINDOW_UPDATE, 0, &[0, 0, 0, 1]); 5000];
        assert_eq!(taken(&windows, false, Duration::ZERO), 5000);
        let cancelled = [frame(HEADERS, END_HEADERS, b"x"), frame(3, 0, &[0; 4])];
        let requests: Vec<_> = cancelled.iter().cycle().take(6000).cloned().collect();
        assert_eq!(taken(&requests, false, Duration::ZERO), 6000);
        let talk = [frame(DATA, 0, b"x"), frame(6, 0, &[0; 8])];
        let body: Vec<_> = talk.iter().cycle().take(6000).cloned().collect();
        assert_eq!(taken(&body, false, Duration::ZERO), 6000);
    }

    #[test]
    fn headers_that_have_not_ended_are_noticed() {
        let now = Instant::now();
        let mut counter = ControlFrames::new(now);
        let mut receives = |bytes: &[u8]| {
            assert!(counter.received(bytes, true, || now));
            counter.head_since().is_some()
        };
        receives(PREFACE);
        assert!(!receives(&frame(4, 0, &[])));
        assert!(receives(&frame(HEADERS, 0, b"x")));
        assert!(receives(&frame(CONTINUATION, 0, b"x")));
        assert!(receives(&frame(CONTINUATION, END_HEADERS, b"xyz")[..11]));
        assert!(!receives(b"z"));
        assert!(!receives(&frame(HEADERS, END_HEADERS, b"")));
        assert!(receives(&frame(HEADERS, 0, b"")));
        assert!(!receives(&frame(CONTINUATION, END_HEADERS, b"x")));
        assert_eq!(counter.goaway()[9..], [0, 0, 0, 1, 0, 0, 0, 11]);
    }

    proptest! {
        #[test]
        fn splitting_the_bytes_does_not_change_the_count(
            kinds in proptest::collection::vec((0..12u8, 0..40usize), 0..20), cut in 0..1000usize, is_idle: bool,
        ) {
            let now = Instant::now();
            let frames: Vec<u8> = kinds.iter().flat_map(|(kind, length)| frame(*kind, 0, &vec![7; *length])).collect();
            let bytes = [PREFACE, &frames].concat();
            let cut = cut.min(bytes.len());
            let (mut whole, mut parts) = (ControlFrames::new(now), ControlFrames::new(now));
            whole.received(&bytes, is_idle, || now);
            parts.received(&bytes[..cut], is_idle, || now);
            parts.received(&bytes[cut..], is_idle, || now);
            prop_assert_eq!((whole.count, whole.budget, whole.skip, whole.have), (parts.count, parts.budget, parts.skip, parts.have));
        }
    }
}

//! One HTTP/2 connection as the attacker: what it writes is up to the attack, what comes back is read frame by frame.

use std::time::Duration;

use tokio::time::Instant;

use crate::attack::context::{Context, no_connection};
use crate::attack::evidence::Excuse;
use keel_wire::http2::{self, DATA, GOAWAY, HEAD, PREFACE, SETTINGS};
use keel_wire::raw::{Ended, RawConnection};
use keel_wire::tls::speaks_another_protocol;

/// The time limit for the settings of the other side.
const HELLO: Duration = Duration::from_secs(3);
/// The time of one write after which the other side counts as not reading.
pub(super) const STALL: Duration = Duration::from_secs(2);
/// The time limit for the unread rest to come,
const DRAIN: Duration = Duration::from_secs(10);
/// with pauses of so long at most.
const PAUSE: Duration = Duration::from_secs(1);
/// The most that is read at one look, in bytes.
const LOOK: usize = 1 << 20;

/// An open connection.
pub(super) struct Link {
    connection: RawConnection,
    /// Came and is no whole frame yet.
    partial: Vec<u8>,
    pub(super) seen: Seen,
}

/// Frames and events received so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Frames of each type, by its number; unknown types are not counted.
    pub(super) frames: [usize; 10],
    /// Bytes in frames of DATA, padding included: all that flow control counts.
    pub(super) data: usize,
    /// The error code of a GOAWAY.
    pub(super) goaway: Option<u32>,
    /// The end of the connection, when it has ended.
    pub(super) ended: Option<Ended>,
}

impl Seen {
    /// Returns true if the other side has given the connection up.
    pub(super) fn is_over(&self) -> bool {
        self.goaway.is_some() || self.ended.is_some()
    }

    /// Describes the end of the connection, as the end of a sentence.
    pub(super) fn told(&self) -> String {
        match (self.goaway, self.ended) {
            (Some(code), _) => format!("with GOAWAY (error {code})"),
            (None, Some(Ended::Reset)) => "with a reset".to_owned(),
            (None, _) => "by closing the connection".to_owned(),
        }
    }
}

impl Link {
    /// Connects and exchanges settings; `narrow` when nothing will be read for long.
    ///
    /// # Errors
    /// Not applicable when HTTP/2 is not spoken.
    pub(super) async fn open(context: &Context<'_>, settings: &[u8], narrow: bool) -> Result<Self, Excuse> {
        let opened = context.open_h2(narrow).await;
        let mut connection = opened.map_err(|error| match speaks_another_protocol(&error) {
            true => Excuse::NotApplicable("it does not speak HTTP/2 over TLS".to_owned()),
            false => no_connection(error),
        })?;
        let hello = [PREFACE, &http2::frame(SETTINGS, 0, 0, settings)].concat();
        let written = connection.write(&hello, HELLO).await;
        let heard = connection.listen(HEAD, HELLO).await;
        let is_settings = heard.bytes.len() == HEAD && heard.bytes[3] == SETTINGS && heard.bytes[5..9] == [0; 4];
        if !is_settings && heard.bytes.is_empty() && heard.ended == Ended::StillOpen {
            return Err(Excuse::Unknown(format!("nothing is said to the preface of HTTP/2 within {HELLO:?}")));
        }
        if written.is_err() || !is_settings {
            return Err(Excuse::NotApplicable("it does not speak HTTP/2 at this port".to_owned()));
        }
        Ok(Self { connection, partial: heard.bytes, seen: Seen::default() })
    }

    /// Writes; false when the other side does not read within [`STALL`], or has closed.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> bool {
        self.connection.write(bytes, STALL).await.is_ok()
    }

    /// Returns true if the other side has closed, without reading.
    pub(super) fn is_closed(&self) -> bool {
        self.connection.peer_state() != Ended::StillOpen
    }

    /// Reads what was left unread, until nothing more comes; false when more was to come.
    pub(super) async fn drain(&mut self) -> bool {
        // Where the window stays small it takes longer.
        let _ = self.connection.set_receive_buffer(LOOK);
        let until = Instant::now() + DRAIN;
        while Instant::now() < until && self.seen.ended.is_none() {
            let before = self.seen.frames;
            self.look(PAUSE).await;
            if self.seen.frames == before {
                return true;
            }
        }
        self.seen.ended.is_some()
    }

    /// Reads what comes within this time.
    pub(super) async fn look(&mut self, time: Duration) {
        let heard = self.connection.listen(LOOK, time).await;
        self.partial.extend_from_slice(&heard.bytes);
        if heard.ended != Ended::StillOpen {
            self.seen.ended = Some(heard.ended);
        }
        let mut at = 0;
        while let Some(head) = self.partial.get(at..at + HEAD) {
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let Some(payload) = self.partial.get(at + HEAD..at + HEAD + length) else { break };
            if let Some(count) = self.seen.frames.get_mut(usize::from(head[3])) {
                *count += 1;
            }
            if head[3] == DATA {
                self.seen.data += length;
            }
            if head[3] == GOAWAY
                && let Some(code) = payload.get(4..8)
            {
                self.seen.goaway = Some(u32::from_be_bytes([code[0], code[1], code[2], code[3]]));
            }
            at += HEAD + length;
        }
        self.partial.drain(..at);
    }
}

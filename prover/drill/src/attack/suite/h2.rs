//! HTTP/2 as no well-behaved client speaks it: frames are written by hand (RFC 9113).
//!
//! At the port that the target names for it, else at that of its URL: over TLS by ALPN (3.2), else without TLS and without an
//! upgrade (prior knowledge, 3.3). A server that does not speak it is not attacked with it.

mod continuation;
mod control_flood;
mod link;
mod rapid_reset;
mod window_stall;

pub(super) use self::continuation::ATTACK as CONTINUATION;
pub(super) use self::control_flood::{PING, SETTINGS};
pub(super) use self::rapid_reset::ATTACK as RAPID_RESET;
pub(super) use self::window_stall::ATTACK as WINDOW_STALL;

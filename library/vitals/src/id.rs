//! Unguessable ids, and the W3C trace context.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::sync::Arc;

use crate::fill_entropy;

/// Digits and letters that cannot be mistaken for one another (Crockford's base 32), in lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new public id: `PREFIX_` and 26 characters that carry 130 unguessable bits.
pub fn new_id(prefix: &str) -> String {
    let mut bytes = [0; 26];
    fill_entropy(&mut bytes);
    let mut id = String::with_capacity(prefix.len() + 27);
    id.push_str(prefix);
    id.push('_');
    id.extend(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])));
    id
}

/// A new request id: 32 hexadecimal digits.
pub fn new_request_id() -> Arc<str> {
    let mut bytes = [0; 16];
    fill_entropy(&mut bytes);
    request_id_of(&bytes)
}

/// A new request id and a new trace, from one draw of randomness.
pub fn new_request_id_and_trace() -> (Arc<str>, TraceContext) {
    let mut bytes = [0; 40];
    fill_entropy(&mut bytes);
    let (mut id, mut trace) = ([0; 16], [0; 24]);
    id.copy_from_slice(&bytes[..16]);
    trace.copy_from_slice(&bytes[16..]);
    (request_id_of(&id), TraceContext::of(trace))
}

fn request_id_of(bytes: &[u8; 16]) -> Arc<str> {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&PAIRS[usize::from(*byte)]);
    }
    std::str::from_utf8(&digits).expect("hexadecimal digits are ASCII").into()
}

/// The W3C trace context of a request (<https://www.w3.org/TR/trace-context/>, version 00).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: [u8; 16],
    span: [u8; 8],
    flags: u8,
}

/// The flag of a trace that is recorded.
const SAMPLED: u8 = 1;
/// The flag of a trace id whose last seven bytes are random (level 2 of the recommendation).
const RANDOM: u8 = 2;

/// A `traceparent` that does not follow the recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId;

impl TraceContext {
    /// A new trace, not sampled.
    pub fn new() -> Self {
        let mut bytes = [0; 24];
        fill_entropy(&mut bytes);
        Self::of(bytes)
    }

    fn of(mut bytes: [u8; 24]) -> Self {
        // All-zero ids are invalid; of 2^128 this is the only one to avoid.
        bytes[0] |= 1;
        bytes[16] |= 1;
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        trace.copy_from_slice(&bytes[..16]);
        span.copy_from_slice(&bytes[16..]);
        Self { trace, span, flags: RANDOM }
    }

    /// Returns the same trace with a span of its own, for the work that this one caused.
    #[must_use]
    pub fn child(&self) -> Self {
        let mut span = [0; 8];
        fill_entropy(&mut span);
        span[0] |= 1;
        Self { span, ..*self }
    }

    /// Returns true when the caller records this trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Returns the same trace, recorded or not.
    #[must_use]
    pub fn with_sampled(self, sampled: bool) -> Self {
        let flags = if sampled { self.flags | SAMPLED } else { self.flags & !SAMPLED };
        Self { flags, ..self }
    }

    /// The last 56 bits of the trace id, by which all services of a trace come to the same sampling decision.
    pub fn randomness(&self) -> u64 {
        self.trace[9..].iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
    }

    /// The trace id.
    pub fn trace_id_bytes(&self) -> [u8; 16] {
        self.trace
    }

    /// The span id.
    pub fn span_id_bytes(&self) -> [u8; 8] {
        self.span
    }

    /// Returns the same trace with this span id.
    #[must_use]
    pub fn with_span_id(self, span: [u8; 8]) -> Self {
        Self { span, ..self }
    }

    /// The flags.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// The trace id, 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        hex(&self.trace)
    }

    /// The span id, 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        hex(&self.span)
    }
}

impl Default for TraceContext {
    fn default() -> Self {
        Self::new()
    }
}

impl Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", hex(&self.trace), hex(&self.span), self.flags)
    }
}

impl FromStr for TraceContext {
    type Err = InvalidId;

    /// Parses any version but `ff`, as the recommendation requires; additions of later versions and unknown flags are left out.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes = text.as_bytes();
        let separated = bytes.len() >= 55 && bytes[2] == b'-' && bytes[35] == b'-' && bytes[52] == b'-';
        if !separated {
            return Err(InvalidId);
        }
        let (mut version, mut trace, mut span, mut flags) = ([0; 1], [0; 16], [0; 8], [0; 1]);
        unhex(&bytes[..2], &mut version)?;
        unhex(&bytes[3..35], &mut trace)?;
        unhex(&bytes[36..52], &mut span)?;
        unhex(&bytes[53..55], &mut flags)?;
        let ends_well = if version[0] == 0 { bytes.len() == 55 } else { bytes.len() == 55 || bytes[55] == b'-' };
        if version[0] == 0xff || !ends_well || trace == [0; 16] || span == [0; 8] {
            return Err(InvalidId);
        }
        Ok(Self { trace, span, flags: flags[0] & (SAMPLED | RANDOM) })
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The two digits of each byte.
const PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

fn unhex(text: &[u8], bytes: &mut [u8]) -> Result<(), InvalidId> {
    for (pair, byte) in text.chunks_exact(2).zip(bytes) {
        let digit = |character: u8| match character {
            b'0'..=b'9' => Ok(character - b'0'),
            b'a'..=b'f' => Ok(character - b'a' + 10),
            _ => Err(InvalidId),
        };
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_has_its_prefix_and_130_bits() {
        let id = new_id("acc");
        assert_eq!(id.len(), 4 + 26);
        assert!(id.starts_with("acc_"));
        assert_ne!(id, new_id("acc"));
    }

    #[test]
    fn a_trace_context_survives_the_header_and_its_child_keeps_the_trace() {
        let parent = TraceContext::new();
        assert_eq!(parent.to_string().parse(), Ok(parent));
        assert_eq!(parent.child().trace_id(), parent.trace_id());
        assert_ne!(parent.child().span_id(), parent.span_id());
    }

    #[test]
    fn one_draw_gives_an_id_and_a_valid_trace_that_share_nothing() {
        let (id, trace) = new_request_id_and_trace();
        assert_eq!(id.len(), 32);
        assert_eq!(trace.to_string().parse(), Ok(trace));
        assert_ne!(*id, trace.trace_id());
        assert_ne!(new_request_id_and_trace(), (id, trace));
    }

    #[test]
    fn a_new_trace_is_random_and_not_sampled_and_unknown_flags_are_zeroed() {
        let trace = TraceContext::new();
        assert!(trace.to_string().ends_with("-02") && !trace.is_sampled());
        assert!(trace.with_sampled(true).to_string().ends_with("-03"));
        assert_eq!(trace.with_sampled(true).with_sampled(false), trace);
        let parsed: TraceContext = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fd".parse().unwrap();
        assert!(parsed.to_string().ends_with("-01"), "{parsed}");
    }

    #[test]
    fn the_randomness_of_a_trace_is_its_last_56_bits() {
        let parsed: TraceContext = "00-ffffffffffffffffff01020304050607-b7ad6b7169203331-01".parse().unwrap();
        assert_eq!(parsed.randomness(), 0x0001_0203_0405_0607);
    }

    #[test]
    fn malformed_trace_contexts_are_refused() {
        for text in [
            "",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(text.parse::<TraceContext>(), Err(InvalidId), "{text}");
        }
        assert!("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more".parse::<TraceContext>().is_ok());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
            let _ = text.parse::<TraceContext>();
        }
    }
}

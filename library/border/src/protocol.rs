//! The protocol of a connection, told from its first bytes.

/// The client's preface of HTTP/2 (RFC 9113, 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Protocol of a connection, as far as its bytes so far tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// This many bytes of the HTTP/2 preface have come, and nothing else.
    Preface(u8),
    Http1,
    Http2,
}

impl Protocol {
    /// The protocol of a connection from which no byte has come.
    pub(crate) const UNKNOWN: Self = Self::Preface(0);

    /// Returns the protocol once these bytes have come too.
    pub(crate) fn after(self, bytes: &[u8]) -> Self {
        let Self::Preface(seen) = self else { return self };
        let rest = &PREFACE[usize::from(seen)..];
        let length = rest.len().min(bytes.len());
        match (bytes[..length] == rest[..length], length == rest.len()) {
            (false, _) => Self::Http1,
            (true, true) => Self::Http2,
            // At most the preface's 24 bytes.
            (true, false) => Self::Preface(seen + length as u8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_the_preface_does_not_change_the_detected_protocol() {
        for cut in 0..=PREFACE.len() {
            let after = Protocol::UNKNOWN.after(&PREFACE[..cut]).after(&PREFACE[cut..]).after(b"more");
            assert_eq!(after, Protocol::Http2, "{cut}");
        }
        assert_eq!(Protocol::UNKNOWN.after(b"PRI").after(b"NT / HTTP/1.1"), Protocol::Http1);
        assert_eq!(Protocol::UNKNOWN.after(b"GET / HTTP/1.1"), Protocol::Http1);
    }
}

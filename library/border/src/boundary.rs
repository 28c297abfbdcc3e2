//! Boundaries of requests: whether the next byte of an HTTP/1.1 connection begins a request head, as far as its socket can know.
//!
//! The socket sees bytes, and the server says which requests had a body of which length. Where the two do not give a certain answer, the next byte is
//! for the server alone to judge, for the rest of the connection.

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Position of a connection among its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Boundary {
    /// The bytes so far end with the end of a head, and the server has read all of them before their requests.
    ends_with_head: bool,
    /// Bytes behind the head in the first read of a request; none: unknown.
    behind_head: Option<u64>,
    body: Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// The last request had none.
    None,
    /// The last request had one, of which this many bytes are still to come.
    Left(u64),
    /// The last request had one without a certain end.
    Unknown,
}

impl Boundary {
    /// The start of a connection.
    pub(crate) const START: Self = Self { ends_with_head: true, behind_head: None, body: Body::None };

    /// Returns true when no bytes of a request are left, provided that no request is open.
    pub(crate) fn is_clear(&self) -> bool {
        match self.body {
            Body::None => self.ends_with_head,
            Body::Left(left) => left == 0,
            Body::Unknown => false,
        }
    }

    /// The peer sent bytes. `is_idle`: no request was open and none had begun. `awaits_head`: no request was open.
    pub(crate) fn received(&mut self, bytes: &[u8], is_idle: bool, awaits_head: bool) {
        if is_idle && self.is_clear() {
            *self = Self {
                ends_with_head: bytes.ends_with(END_OF_HEAD),
                behind_head: may_have_body(bytes).then(|| bytes_behind_head(bytes)).flatten(),
                body: Body::None,
            };
            return;
        }
        match self.body {
            Body::None => self.ends_with_head = awaits_head && bytes.ends_with(END_OF_HEAD),
            Body::Left(left) => {
                self.body = left.checked_sub(bytes.len() as u64).map_or(Body::Unknown, Body::Left);
            }
            Body::Unknown => {}
        }
    }

    /// The request has a body of this length; none: only its bytes show where it ends.
    pub(crate) fn has_body(&mut self, length: Option<u64>) {
        let left = match (self.body, length, self.behind_head.take()) {
            (Body::None, Some(length), Some(behind)) => length.checked_sub(behind),
            _ => None,
        };
        self.body = left.map_or(Body::Unknown, Body::Left);
    }
}

/// Returns true for the methods whose requests usually have a body: POST, PUT and PATCH. The bytes of others are not searched.
fn may_have_body(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'P')
}

fn bytes_behind_head(bytes: &[u8]) -> Option<u64> {
    let end = bytes.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD)?;
    Some((bytes.len() - end - END_OF_HEAD.len()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    const POST: &[u8] = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody";

    fn after(reads: &[(&[u8], bool)], body: Option<Option<u64>>, rest: &[&[u8]]) -> bool {
        let mut boundary = Boundary::START;
        for (bytes, is_idle) in reads {
            boundary.received(bytes, *is_idle, true);
        }
        if let Some(length) = body {
            boundary.has_body(length);
        }
        rest.iter().for_each(|bytes| boundary.received(bytes, false, false));
        boundary.is_clear()
    }

    #[test]
    fn a_head_without_a_body_ends_with_its_last_byte() {
        assert!(after(&[(GET, true)], None, &[]));
        assert!(after(&[(&GET[..9], true), (&GET[9..], false)], None, &[]));
        assert!(!after(&[(&GET[..9], true)], None, &[]));
        assert!(!after(&[(GET, true)], None, &[b"GET / HT"]), "a pipelined head has begun");
    }

    #[test]
    fn a_body_ends_after_its_declared_length() {
        assert!(after(&[(POST, true)], Some(Some(4)), &[]));
        let head = &POST[..POST.len() - 4];
        assert!(after(&[(head, true)], Some(Some(4)), &[b"bo", b"dy"]));
        assert!(!after(&[(head, true)], Some(Some(4)), &[b"bo"]));
    }

    #[test]
    fn the_position_is_unknown_for_ever_after_a_body_without_a_certain_end() {
        let head = &POST[..POST.len() - 4];
        assert!(!after(&[(POST, true)], Some(None), &[]), "a chunked body");
        assert!(!after(&[(head, true)], Some(Some(4)), &[b"bodyGET / HTTP/1.1\r\n\r\n"]), "a pipelined request");
        assert!(!after(&[(&POST[..9], true), (&POST[9..], false)], Some(Some(4)), &[]), "a head in two parts");
        assert!(!after(&[(POST, true)], Some(Some(2)), &[]), "the next head has begun");
        let mut boundary = Boundary::START;
        boundary.received(POST, true, true);
        boundary.has_body(None);
        boundary.received(GET, true, true);
        assert!(!boundary.is_clear());
    }

    #[test]
    fn requests_with_and_without_bodies_follow_one_another() {
        let mut boundary = Boundary::START;
        for _ in 0..3 {
            boundary.received(POST, true, true);
            boundary.has_body(Some(4));
            assert!(boundary.is_clear());
            boundary.received(GET, true, true);
            assert!(boundary.is_clear());
        }
    }
}

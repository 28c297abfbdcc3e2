//! Completeness of a client's request, as far as a proxy can see it.

use std::time::Duration;

/// The most bytes of a head that are waited for.
const MAX_HEAD: usize = 64 << 10;
/// The most bytes of a whole request that are waited for.
pub(super) const MAX_REQUEST: usize = 1 << 20;
/// The longest that the rest of a request is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Returns true for a complete HTTP/1 request. Bytes that are not HTTP count as complete at once, and so do 64 KiB of head and
/// 1 MiB in all.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    if bytes.is_empty() {
        return false;
    }
    if !looks_like_http(bytes) || bytes.len() >= MAX_REQUEST {
        return true;
    }
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return bytes.len() >= MAX_HEAD };
    let body = &bytes[head + 4..];
    let mut slots = [httparse::EMPTY_HEADER; 256];
    let mut request = httparse::Request::new(&mut slots);
    if request.parse(bytes).is_err() {
        return true;
    }
    let value = |name: &str| {
        let header = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok().map(str::trim)
    };
    if value("transfer-encoding").is_some() {
        return body.ends_with(b"0\r\n\r\n");
    }
    let length = value("content-length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
    body.len() >= length
}

/// Capital letters and then a space, as far as it goes.
fn looks_like_http(bytes: &[u8]) -> bool {
    let word = bytes.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    word > 0 && word < 20 && bytes.get(word).is_none_or(|byte| *byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_with_its_body() {
        let request = b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc";
        for end in 1..request.len() {
            assert!(!is_whole(&request[..end]), "{end}");
        }
        assert!(is_whole(request));
        assert!(is_whole(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
    }

    #[test]
    fn a_chunked_request_is_whole_with_its_last_chunk() {
        assert!(!is_whole(b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"));
        assert!(is_whole(b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"));
    }

    #[test]
    fn another_protocol_is_not_waited_for() {
        assert!(is_whole(b"\x00\x00\x00\x08\x04\xd2\x16\x2f"));
        assert!(is_whole(b"PING\r\n"));
    }
}

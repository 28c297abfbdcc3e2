//! HTTP/2 frames (RFC 9113, 4.1) and header blocks without compression (RFC 7541, 6.2.2), written byte by byte.
//!
//! ```
//! use keel_wire::http2::{END_HEADERS, END_STREAM, HEADERS, frame, get};
//!
//! let request = frame(HEADERS, END_STREAM | END_HEADERS, 1, &get("/", "localhost"));
//! assert_eq!(request[3..9], [HEADERS, END_STREAM | END_HEADERS, 0, 0, 0, 1]);
//! ```

/// The type of a frame with a piece of a body.
pub const DATA: u8 = 0;
/// The type of a frame that begins a header block.
pub const HEADERS: u8 = 1;
/// The type of a frame that ends a stream at once.
pub const RST_STREAM: u8 = 3;
/// The type of a frame with settings.
pub const SETTINGS: u8 = 4;
/// The type of a frame that is to be echoed.
pub const PING: u8 = 6;
/// The type of a frame that ends the connection.
pub const GOAWAY: u8 = 7;
/// The type of a frame that goes on with a header block.
pub const CONTINUATION: u8 = 9;

/// The flag of the last frame of a request or answer.
pub const END_STREAM: u8 = 1;
/// The flag of the last frame of a header block.
pub const END_HEADERS: u8 = 4;

/// The code with which a client takes a request back.
pub const CANCEL: u32 = 8;
/// The setting that says how much of a stream's body may come unasked.
pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// The bytes that a client sends first (RFC 9113, 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The length of a frame's head.
pub const HEAD: usize = 9;

/// Writes one frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Writes one setting, a part of the payload of [`SETTINGS`].
pub fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// Writes a GET of this path as a header block, in the clear.
pub fn get(path: &str, authority: &str) -> Vec<u8> {
    get_by_scheme(false, path, authority)
}

/// The same, with the scheme `https` when it goes over TLS.
pub fn get_by_scheme(over_tls: bool, path: &str, authority: &str) -> Vec<u8> {
    // :method GET and :scheme http or https of the static table
    let mut block = vec![0x82, if over_tls { 0x87 } else { 0x86 }];
    literal(&mut block, b":path", path.as_bytes());
    literal(&mut block, b":authority", authority.as_bytes());
    block
}

/// Appends a literal header field without indexing and without Huffman coding.
pub fn literal(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    for text in [name, value] {
        string(block, text);
    }
}

/// Appends a string with its length as an integer of seven bits and more (RFC 7541, 5.1 and 5.2).
fn string(block: &mut Vec<u8>, text: &[u8]) {
    let mut length = text.len();
    if length < 127 {
        block.push(length as u8);
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push((length % 128) as u8 | 128);
            length /= 128;
        }
        block.push(length as u8);
    }
    block.extend(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_carries_length_type_flags_and_stream() {
        assert_eq!(frame(HEADERS, 5, 7, b"ab"), [0, 0, 2, 1, 5, 0, 0, 0, 7, b'a', b'b']);
    }

    #[test]
    fn a_long_string_has_a_length_of_several_bytes() {
        let mut block = Vec::new();
        string(&mut block, &[b'a'; 300]);
        assert_eq!(block[..3], [127, 173, 1]); // 127 + 45 + 128
    }
}

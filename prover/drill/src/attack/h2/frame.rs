//! Frames (RFC 9113, 4.1) and header blocks without compression (RFC 7541, 6.2.2), written byte by byte.

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// The code with which a client takes a request back.
pub(super) const CANCEL: u32 = 8;
/// The setting that says how much of a stream's body may come unasked.
pub(super) const INITIAL_WINDOW_SIZE: u16 = 4;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The length of a frame's head.
pub(super) const HEAD: usize = 9;

/// One frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// One setting.
pub(super) fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// A GET of this path as a header block.
pub(super) fn get(path: &str, authority: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86]; // :method GET and :scheme http of the static table
    literal(&mut block, b":path", path.as_bytes());
    literal(&mut block, b":authority", authority.as_bytes());
    block
}

/// A literal header field without indexing and without Huffman coding.
pub(super) fn literal(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    for text in [name, value] {
        string(block, text);
    }
}

/// A string with its length as an integer of seven bits and more (RFC 7541, 5.1 and 5.2).
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

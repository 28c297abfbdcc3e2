//! The shapes, one table an attack.

use super::Second::{Pipelined, Smuggled};
use super::{Second, Shape};

const fn shape(name: &'static str, lines: &'static str, body: &'static str, second: Second) -> Shape {
    Shape { name, lines, body, second }
}

/// Ends the chunked body at once; what follows is body by Content-Length.
const ENDED: &str = "0\r\n\r\n{hidden}";
/// The hidden request is a chunk's data; by Content-Length 4 or so it is the next request.
const IN_CHUNK: &str = "{size}\r\n{hidden}\r\n0\r\n\r\n";

pub(super) const CL_TE: [Shape; 2] = [
    shape(
        "Content-Length before Transfer-Encoding",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        ENDED,
        Smuggled,
    ),
    shape(
        "Transfer-Encoding before Content-Length",
        "Transfer-Encoding: chunked\r\nContent-Length: 30\r\n",
        ENDED,
        Smuggled,
    ),
];

pub(super) const TE_CL: [Shape; 2] = [
    shape(
        "Transfer-Encoding before a short Content-Length",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        IN_CHUNK,
        Smuggled,
    ),
    shape(
        "a short Content-Length before Transfer-Encoding",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        IN_CHUNK,
        Smuggled,
    ),
];

pub(super) const TE_TE: [Shape; 9] = [
    shape("an unknown coding", "Content-Length: 4\r\nTransfer-Encoding: xchunked\r\n", IN_CHUNK, Smuggled),
    shape("a space before the colon", "Content-Length: 4\r\nTransfer-Encoding : chunked\r\n", IN_CHUNK, Smuggled),
    shape(
        "chunked, then an unknown coding",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
        IN_CHUNK,
        Smuggled,
    ),
    shape(
        "identity after chunked",
        "Content-Length: 4\r\nTransfer-Encoding: chunked, identity\r\n",
        IN_CHUNK,
        Smuggled,
    ),
    shape(
        "a vertical tab before the coding",
        "Content-Length: 4\r\nTransfer-Encoding: \x0bchunked\r\n",
        IN_CHUNK,
        Smuggled,
    ),
    shape("the coding in quotes", "Content-Length: 4\r\nTransfer-Encoding: \"chunked\"\r\n", IN_CHUNK, Smuggled),
    shape(
        "a tab before the coding, which is allowed",
        "Content-Length: 4\r\nTransfer-Encoding:\tchunked\r\n",
        ENDED,
        Smuggled,
    ),
    shape(
        "chunked in capitals, which is allowed",
        "Content-Length: 4\r\nTransfer-Encoding: CHUNKED\r\n",
        ENDED,
        Smuggled,
    ),
    shape("an unknown coding without a length", "Transfer-Encoding: xchunked\r\n", ENDED, Smuggled),
];

pub(super) const CL_CL: [Shape; 6] = [
    shape(
        "two lengths that differ, the shorter first",
        "Content-Length: 2\r\nContent-Length: 90\r\n",
        "{}{hidden}",
        Smuggled,
    ),
    shape(
        "two lengths that differ, the longer first",
        "Content-Length: 90\r\nContent-Length: 2\r\n",
        "{}{hidden}",
        Smuggled,
    ),
    shape("a list of lengths that differ", "Content-Length: 2, 90\r\n", "{}{hidden}", Smuggled),
    shape("a length with a sign", "Content-Length: +2\r\n", "{}{hidden}", Smuggled),
    shape("a negative length", "Content-Length: -2\r\n", "{}{hidden}", Smuggled),
    shape("a length in hexadecimal", "Content-Length: 0x2\r\n", "{}{hidden}", Smuggled),
];

pub(super) const CHUNKS: [Shape; 7] = [
    shape(
        "a chunk extension, which is allowed",
        "Transfer-Encoding: chunked\r\n",
        "2;a=b\r\n{}\r\n0\r\n\r\n{hidden}",
        Pipelined,
    ),
    shape("a size beyond 64 bits", "Transfer-Encoding: chunked\r\n", "10000000000000000\r\n{hidden}", Smuggled),
    shape(
        "a size beyond 64 bits that is 2 in the lowest",
        "Transfer-Encoding: chunked\r\n",
        "10000000000000002\r\n{}\r\n0\r\n\r\n{hidden}",
        Smuggled,
    ),
    shape("a negative size", "Transfer-Encoding: chunked\r\n", "-1\r\n{hidden}", Smuggled),
    shape("a size with 0x", "Transfer-Encoding: chunked\r\n", "0x2\r\n{}\r\n0\r\n\r\n{hidden}", Smuggled),
    shape(
        "data that is longer than the size",
        "Transfer-Encoding: chunked\r\n",
        "2\r\n{}xx\r\n0\r\n\r\n{hidden}",
        Smuggled,
    ),
    shape(
        "a line end within an extension",
        "Transfer-Encoding: chunked\r\n",
        "2;\nxx\r\n{size}\r\n0\r\n\r\n{hidden}\r\n0\r\n\r\n",
        Smuggled,
    ),
];

pub(super) const FOLD: [Shape; 2] = [
    shape("the coding on a folded line", "Content-Length: 4\r\nTransfer-Encoding:\r\n chunked\r\n", IN_CHUNK, Smuggled),
    shape(
        "Transfer-Encoding as the fold of another field",
        "Content-Length: 90\r\nX-Fold: a\r\n Transfer-Encoding: chunked\r\n",
        ENDED,
        Smuggled,
    ),
];

pub(super) const BARE_CR: [Shape; 2] = [
    shape(
        "Transfer-Encoding after a bare CR",
        "Content-Length: 120\r\nX-Cr: a\rTransfer-Encoding: chunked\r\n",
        ENDED,
        Smuggled,
    ),
    shape(
        "a chunk's size that ends with a bare CR",
        "Transfer-Encoding: chunked\r\n",
        "2\r{}\r\n0\r\n\r\n{hidden}",
        Smuggled,
    ),
];

pub(super) const BARE_LF: [Shape; 3] = [
    shape("a field that ends with LF", "X-Lf: a\nContent-Length: 2\r\n", "{}{hidden}", Pipelined),
    shape("chunk lines that end with LF", "Transfer-Encoding: chunked\r\n", "2\n{}\n0\n\n{hidden}", Pipelined),
    shape(
        "Transfer-Encoding on a line that ended with LF",
        "Content-Length: 4\r\nX-Lf: a\nTransfer-Encoding: chunked\r\n",
        IN_CHUNK,
        Smuggled,
    ),
];

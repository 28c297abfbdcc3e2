//! The shapes, one table an attack.

use super::shape::Second::{Pipelined, Smuggled};
use super::shape::{Second, Shape};

const fn shape(name: &'static str, lines: &'static str, body: &'static str, second: Second) -> Shape {
    Shape { name, lines, body, second }
}

/// Ends the chunked body at once; what follows is body by Content-Length.
const ENDED: &str = "0\r\n\r\n{hidden}";
/// The hidden request is a chunk's data; by a Content-Length of the size's line alone it is the next request.
const IN_CHUNK: &str = "{size}\r\n{hidden}\r\n0\r\n\r\n";

pub(super) const CL_TE: [Shape; 2] = [
    shape(
        "Content-Length before Transfer-Encoding",
        "Content-Length: {whole}\r\nTransfer-Encoding: chunked\r\n",
        ENDED,
        Smuggled,
    ),
    shape(
        "Transfer-Encoding before Content-Length",
        "Transfer-Encoding: chunked\r\nContent-Length: {whole}\r\n",
        ENDED,
        Smuggled,
    ),
];

pub(super) const TE_CL: [Shape; 2] = [
    shape(
        "Transfer-Encoding before a short Content-Length",
        "Transfer-Encoding: chunked\r\nContent-Length: {line}\r\n",
        IN_CHUNK,
        Smuggled,
    ),
    shape(
        "a short Content-Length before Transfer-Encoding",
        "Content-Length: {line}\r\nTransfer-Encoding: chunked\r\n",
        IN_CHUNK,
        Smuggled,
    ),
];

pub(super) const TE_TE: [Shape; 9] = [
    shape("an unknown coding", "Content-Length: {line}\r\nTransfer-Encoding: xchunked\r\n", IN_CHUNK, Smuggled),
    shape("a space before the colon", "Content-Length: {line}\r\nTransfer-Encoding : chunked\r\n", IN_CHUNK, Smuggled),
    shape(
        "chunked, then an unknown coding",
        "Content-Length: {line}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
        IN_CHUNK,
        Smuggled,
    ),
    shape(
        "identity after chunked",
        "Content-Length: {line}\r\nTransfer-Encoding: chunked, identity\r\n",
        IN_CHUNK,
        Smuggled,
    ),
    shape(
        "a vertical tab before the coding",
        "Content-Length: {line}\r\nTransfer-Encoding: \x0bchunked\r\n",
        IN_CHUNK,
        Smuggled,
    ),
    shape("the coding in quotes", "Content-Length: {line}\r\nTransfer-Encoding: \"chunked\"\r\n", IN_CHUNK, Smuggled),
    shape(
        "a tab before the coding, which is allowed",
        "Content-Length: 5\r\nTransfer-Encoding:\tchunked\r\n",
        ENDED,
        Smuggled,
    ),
    shape(
        "chunked in capitals, which is allowed",
        "Content-Length: 5\r\nTransfer-Encoding: CHUNKED\r\n",
        ENDED,
        Smuggled,
    ),
    shape("an unknown coding without a length", "Transfer-Encoding: xchunked\r\n", ENDED, Smuggled),
];

pub(super) const CL_CL: [Shape; 7] = [
    shape(
        "two lengths that differ, the shorter first",
        "Content-Length: 2\r\nContent-Length: {whole}\r\n",
        "{}{hidden}",
        Smuggled,
    ),
    shape(
        "two lengths that differ, the longer first",
        "Content-Length: {whole}\r\nContent-Length: 2\r\n",
        "{}{hidden}",
        Smuggled,
    ),
    shape("a list of lengths that differ", "Content-Length: 2, {whole}\r\n", "{}{hidden}", Smuggled),
    shape("a length with a sign", "Content-Length: +2\r\n", "{}{hidden}", Smuggled),
    shape("a negative length", "Content-Length: -2\r\n", "{}{hidden}", Smuggled),
    shape("a length in hexadecimal", "Content-Length: 0x2\r\n", "{}{hidden}", Smuggled),
    shape(
        "a length beyond 64 bits that is 2 in the lowest",
        "Content-Length: 18446744073709551618\r\n",
        "{}{hidden}",
        Smuggled,
    ),
];

pub(super) const CHUNKS: [Shape; 8] = [
    shape(
        "a chunk extension, which is allowed",
        "Transfer-Encoding: chunked\r\n",
        "2;a=b\r\n{}\r\n0\r\n\r\n{hidden}",
        Pipelined,
    ),
    shape("a size beyond 64 bits", "Transfer-Encoding: chunked\r\n", "10000000000000000\r\n\r\n{hidden}", Smuggled),
    shape(
        "a size beyond 64 bits that is 2 in the lowest",
        "Transfer-Encoding: chunked\r\n",
        "10000000000000002\r\n{}\r\n0\r\n\r\n{hidden}",
        Smuggled,
    ),
    shape("a negative size", "Transfer-Encoding: chunked\r\n", "-2\r\n{}\r\n0\r\n\r\n{hidden}", Smuggled),
    shape("a size with 0x", "Transfer-Encoding: chunked\r\n", "0x2\r\n{}\r\n0\r\n\r\n{hidden}", Smuggled),
    shape(
        "data that is longer than the size",
        "Transfer-Encoding: chunked\r\n",
        "2\r\n{}xx\r\n0\r\n\r\n{hidden}",
        Smuggled,
    ),
    shape(
        "two other bytes where the line end of the data belongs",
        "Transfer-Encoding: chunked\r\n",
        "2\r\n{}xx0\r\n\r\n{hidden}",
        Smuggled,
    ),
    shape(
        "a line end within an extension",
        "Transfer-Encoding: chunked\r\n",
        "{digits};\n{filler}\r\n{ended}\r\n0\r\n\r\n{hidden}\r\n0\r\n\r\n",
        Smuggled,
    ),
];

pub(super) const FOLD: [Shape; 2] = [
    shape(
        "the coding on a folded line",
        "Content-Length: {line}\r\nTransfer-Encoding:\r\n chunked\r\n",
        IN_CHUNK,
        Smuggled,
    ),
    shape(
        "Transfer-Encoding as the fold of another field",
        "Content-Length: {whole}\r\nX-Fold: a\r\n Transfer-Encoding: chunked\r\n",
        ENDED,
        Smuggled,
    ),
];

pub(super) const BARE_CR: [Shape; 2] = [
    shape(
        "Transfer-Encoding after a bare CR",
        "Content-Length: {whole}\r\nX-Cr: a\rTransfer-Encoding: chunked\r\n",
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
    // Read as the end of a line (RFC 9112, 2.2) the body is chunked; read as a space (RFC 9110, 5.5) it has a length and the
    // hidden request is the next one. Each is allowed, so that no answer to this alone is wrong.
    shape(
        "Transfer-Encoding on a line that ended with LF",
        "Content-Length: {line}\r\nX-Lf: a\nTransfer-Encoding: chunked\r\n",
        IN_CHUNK,
        Pipelined,
    ),
];

//! Things that are larger than anybody needs, in growing sizes until one is refused.

mod body;
mod fate;
mod gzip;
mod head;
mod json;

pub(super) use self::body::{DECLARED_LENGTH, LONG_BODY};
pub(super) use self::gzip::ATTACK as GZIP_BOMB;
pub(super) use self::head::{HEADER_COUNT, HEADER_SIZE, LONG_URI};
pub(super) use self::json::{DEPTH as JSON_DEPTH, WIDTH as JSON_WIDTH};

//! Output of a service in bytes, and requests for which services print.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use keel_drill::process::Stream;

use super::open_files;
use super::peace::Peace;
use crate::lab::Lab;

/// Requests in each round.
pub(crate) const IN_A_ROUND: usize = 4;
/// Rounds at a time.
const AT_A_TIME: usize = 8;
/// Time limit of an answer; a missing one is no fault here.
const EACH: Duration = Duration::from_millis(500);
/// Time that lines may be on their way.
pub(crate) const ON_THEIR_WAY: Duration = Duration::from_millis(300);
/// Bytes at the beginning of a file that show whether it is a text.
const BEGIN: usize = 512;
/// A head that no server takes for HTTP.
const NO_HTTP: &[u8] = b"KEEL\r\n\r\n";

/// Bytes on each stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bytes {
    pub(crate) out: u64,
    pub(crate) err: u64,
}

impl Bytes {
    /// Reads the output of the running process since its start, once lines on their way have come.
    pub(crate) async fn so_far(lab: &Lab) -> Self {
        tokio::time::sleep(ON_THEIR_WAY).await;
        Self::now(lab)
    }

    pub(crate) fn now(lab: &Lab) -> Self {
        let printed = |stream| lab.running().map_or(0, |process| process.printed(stream));
        Self { out: printed(Stream::Out), err: printed(Stream::Err) }
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self { out: self.out.saturating_sub(before.out), err: self.err.saturating_sub(before.err) }
    }

    pub(crate) fn all(self) -> u64 {
        self.out + self.err
    }
}

/// Bytes on both streams and in the text files that its processes have open for writing: a database is no log.
pub(crate) fn with_files(lab: &Lab) -> u64 {
    let pids = lab.running().map(|process| process.pids()).unwrap_or_default();
    let files = pids.into_iter().flat_map(open_files::written_by).filter(|path| is_text(path));
    let files: BTreeSet<PathBuf> = files.collect();
    let size = |path: &PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
    Bytes::now(lab).all() + files.iter().map(size).sum::<u64>()
}

/// True unless the file begins with what no text has.
fn is_text(path: &Path) -> bool {
    let mut begin = Vec::with_capacity(BEGIN);
    let read = File::open(path).and_then(|file| file.take(BEGIN as u64).read_to_end(&mut begin));
    read.is_ok() && !begin.contains(&0)
}

/// Sends rounds of requests for which services print: the harmless one twice, one for a path that is not there, and a head that is
/// no HTTP. Returns how many were answered by anything.
pub(crate) async fn send_rounds(peace: &Peace, rounds: usize) -> usize {
    let nowhere = format!("GET /keel-nothing-is-here HTTP/1.1\r\nHost: {}\r\n\r\n", peace.listener.host);
    let round = || async {
        let mut answered = 0;
        for bytes in [peace.bytes.as_slice(), nowhere.as_bytes(), NO_HTTP, peace.bytes.as_slice()] {
            let heard = tokio::time::timeout(2 * EACH, peace.listener.exchange(bytes, EACH)).await;
            answered += usize::from(heard.is_ok_and(|heard| heard.is_ok_and(|heard| !heard.bytes.is_empty())));
        }
        answered
    };
    let (mut left, mut answered) = (rounds, 0);
    while left > 0 {
        let now = left.min(AT_A_TIME);
        answered += join_all((0..now).map(|_| round())).await.into_iter().sum::<usize>();
        left -= now;
    }
    answered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_no_log() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            is_text(&path)
        };
        assert!(file("empty.log", b"") && file("service.log", "{\"message\":\"caf\u{e9}\"}\n".as_bytes()));
        assert!(!file("shop.db", b"SQLite format 3\0\x10\0") && !file("shop.db-wal", b"\x37\x7f\x06\x82\0\x2d"));
        assert!(!is_text(&folder.path().join("gone")));
    }
}

//! Number of connections that keel may have at a time.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that keel needs besides.
const SPARE: usize = 300;

/// Returns the number of descriptors for connections, up to `wanted`, after the soft limit was raised as far as is needed and allowed.
pub(crate) fn spare(wanted: usize) -> usize {
    let needed = (wanted + SPARE) as u64;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        let current = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
        // Refused: then fewer have to do.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: limit.maximum });
    }
    let allowed = getrlimit(Resource::Nofile).current;
    let allowed = allowed.map_or(usize::MAX, |allowed| usize::try_from(allowed).unwrap_or(usize::MAX));
    wanted.min(allowed.saturating_sub(SPARE).max(1))
}

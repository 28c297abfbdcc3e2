//! The innermost span of `tracing` that the running thread is in: the parent of the spans that begin there.

use std::cell::RefCell;

/// The most spans of `tracing` inside one another that are followed.
const MAX_DEPTH: usize = 64;

/// A span and its trace.
type Place = ([u8; 16], [u8; 8]);

thread_local! {
    static STACK: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// The innermost span of a trace.
pub(crate) fn innermost(trace: [u8; 16]) -> Option<[u8; 8]> {
    STACK.with_borrow(|stack| stack.last().filter(|(known, _)| *known == trace).map(|(_, span)| *span))
}

/// The thread enters a span.
pub(crate) fn enter(place: Place) {
    STACK.with_borrow_mut(|stack| {
        if stack.len() < MAX_DEPTH {
            stack.push(place);
        }
    });
}

/// The thread leaves a span.
pub(crate) fn exit(place: Place) {
    STACK.with_borrow_mut(|stack| {
        if let Some(at) = stack.iter().rposition(|known| *known == place) {
            stack.remove(at);
        }
    });
}

//! Comparison of two answers: whether they show the same effect.

use keel_wire::http::Exchange;

use crate::lab::Lab;
use crate::subject::RequestSpec;

/// The same status, and the same of what is saved of it (or the same body).
pub(super) fn same(spec: &RequestSpec, first: &Exchange, again: &Exchange) -> bool {
    let (one, other) = (Lab::saved_of(spec, first), Lab::saved_of(spec, again));
    let bodies = || first.answer().map(|answer| &answer.body) == again.answer().map(|answer| &answer.body);
    first.status() == again.status() && if one.is_empty() { bodies() } else { one == other }
}

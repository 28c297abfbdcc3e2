//! A write as part of a script: the request, and how what it made is read back.

use keel_wire::http::Exchange;

use crate::lab::Lab;
use crate::recipe::Kill;
use crate::subject::RequestSpec;

/// The write of this exchange; none when nothing says how to read back what it made.
pub(crate) fn recipe(spec: &RequestSpec, exchange: &Exchange) -> Option<Kill> {
    let path = Lab::own_path(spec, exchange)?;
    let read = Kill::parts(&path, &spec.save)?;
    // Whoever must say who it is must say so here too; the key and the type of the body were for the write.
    let of_the_write = |name: &str| {
        name.eq_ignore_ascii_case("content-type")
            || spec.idempotent.as_ref().is_some_and(|key| name.eq_ignore_ascii_case(key))
    };
    let headers = exchange.request.headers.iter().filter(|(name, _)| !of_the_write(name)).cloned().collect();
    let acknowledged = exchange.status()?.as_u16();
    Some(Kill { write: exchange.request.clone(), acknowledged, read, headers })
}

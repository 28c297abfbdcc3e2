//! Declarations about routes: their rules, and named bulkheads.

use border::{Access, Border, InvalidRouteRules, RouteRules};
use vitals::Registry;

/// Declared rules of routes, and named bulkheads with their numbers of places.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) rules: Vec<RouteRules>,
    pub(crate) bulkheads: Vec<(&'static str, u32)>,
}

impl Declared {
    /// Returns the border with these declarations.
    pub(crate) fn at(&self, border: &Border, registry: &Registry) -> Result<Border, InvalidRouteRules> {
        border.declaring(self.rules.clone(), &self.bulkheads, registry)
    }
}

/// Checks that all declared routes exist, and logs which are public or closed, and what is looser than at the listener.
pub(crate) fn check(border: &Border) -> Result<(), InvalidRouteRules> {
    border.check_declared()?;
    let accesses = border.accesses();
    let with = |access: Access| {
        let routes: Vec<&str> =
            accesses.iter().filter(|(_, declared)| *declared == Some(access)).map(|(route, _)| *route).collect();
        routes.join(", ")
    };
    let (public, closed) = (with(Access::Public), with(Access::Closed));
    if !public.is_empty() || !closed.is_empty() {
        tracing::info!(public, closed, "some routes declare their callers; other routes serve everybody");
    }
    let loosened: Vec<String> = border
        .loosened()
        .into_iter()
        .map(|loosened| match loosened.reason {
            "" => format!("{}: {}", loosened.route, loosened.what),
            reason => format!("{}: {} ({reason})", loosened.route, loosened.what),
        })
        .collect();
    if !loosened.is_empty() {
        tracing::info!(loosened = loosened.join("; "), "some routes have looser limits than the listener");
    }
    Ok(())
}

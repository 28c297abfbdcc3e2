//! The routes and methods that a router declares, so that their metrics exist from the start.
//!
//! axum has no interface for them, but its routers show them in their `Debug` output. A test compares the result with a router's
//! routes, and so notices when that output changes; until then such routes would only get their metrics with their first request.

use std::collections::HashMap;

use axum::Router;

use crate::route_counts::METHODS;

/// The most routes that are read: as many as have metrics.
const MAX_ROUTES: usize = 1000;

/// Paths of the router with their methods; of a route for any method none.
pub(crate) fn routes(router: &Router) -> Vec<(String, Vec<&'static str>)> {
    let shown = format!("{router:?}");
    // The routes of the router itself come first; behind them are those of its fallback.
    let own = shown.split_once("fallback_router:").map_or(shown.as_str(), |(own, _)| own);
    let Some((routes, paths)) = own.split_once("node: Node { paths: {") else { return Vec::new() };
    let mut methods_of: HashMap<&str, Vec<&'static str>> = HashMap::new();
    for (id, methods) in routes.split("RouteId(").skip(1).filter_map(methods) {
        methods_of.entry(id).or_insert(methods);
    }
    let known = paths.split("RouteId(").skip(1).filter_map(|part| {
        let (id, path) = part.split_once("): \"")?;
        let path = path.split_once('"')?.0.replace("\\\\", "\\");
        // Inner names of axum, for what is nested.
        (!path.contains("__private")).then(|| (path, methods_of.get(id).cloned().unwrap_or_default()))
    });
    known.take(MAX_ROUTES).collect()
}

/// The id of a route and its methods, from the text behind `RouteId(`.
fn methods(entry: &str) -> Option<(&str, Vec<&'static str>)> {
    let (id, fields) = entry.split_once("): ")?;
    let (_, fields) = fields.split_once("MethodRouter {")?;
    let has = |method: &&&str| {
        let field = format!("{}: ", method.to_ascii_lowercase());
        fields.split(", ").any(|shown| shown.trim().strip_prefix(&field).is_some_and(|value| value != "None"))
    };
    Some((id, METHODS.iter().filter(has).copied().collect()))
}

#[cfg(test)]
mod tests {
    use axum::routing::{any, get, post};

    use super::*;

    #[test]
    fn a_router_shows_its_paths_and_methods() {
        async fn handler() {}
        let router = Router::new()
            .route("/orders/{id}", get(handler).delete(handler))
            .route("/pay", post(handler))
            .route("/any", any(handler))
            .nest("/nested", Router::new().route("/inner", get(handler)))
            .fallback(handler);
        for router in [router.clone(), router.layer(tower::layer::util::Identity::new())] {
            let mut routes = routes(&router);
            routes.sort();
            let expected = [
                ("/any", vec![]),
                ("/nested/inner", vec!["GET"]),
                ("/orders/{id}", vec!["GET", "DELETE"]),
                ("/pay", vec!["POST"]),
            ];
            assert_eq!(routes, expected.map(|(path, methods)| (path.to_owned(), methods)));
        }
        assert!(routes(&Router::new()).is_empty());
    }
}

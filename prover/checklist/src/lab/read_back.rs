//! Reads back what a request made: the path in its `read`, filled from its own answer, key and number.

use std::collections::BTreeMap;

use keel_wire::http::{Exchange, Request};

use super::{Lab, template};
use crate::subject::RequestSpec;

impl Lab {
    /// The values that the path in `read` takes from the request itself: what is saved of its answer, and the `{key}` and `{n}`
    /// that it was sent with. Empty for a path that is the same for every request, such as a count of all things.
    ///
    /// None when the path needs one that neither the answer nor the request has.
    pub fn own_values(spec: &RequestSpec, exchange: &Exchange) -> Option<BTreeMap<String, String>> {
        let path = spec.read.as_ref()?;
        let mut known = template::sent_with(spec, &exchange.request);
        known.extend(Self::saved_of(spec, exchange));
        let own = spec.save.keys().map(String::as_str).chain(template::OWN);
        own.filter(|name| path.contains(&format!("{{{name}}}")))
            .map(|name| Some((name.to_owned(), known.get(name)?.clone())))
            .collect()
    }

    /// The path in `read` with the `{key}` and `{n}` that the request was sent with; what is saved of its answer stays a template.
    pub fn own_path(spec: &RequestSpec, exchange: &Exchange) -> Option<String> {
        let path = spec.read.clone()?;
        let sent = template::sent_with(spec, &exchange.request);
        Some(sent.iter().fold(path, |path, (name, value)| path.replace(&format!("{{{name}}}"), value)))
    }

    /// The GET of the thing that has these values of its own; none for a request without `read`.
    pub fn read_of(&self, spec: &RequestSpec, own: &BTreeMap<String, String>) -> Option<Request> {
        let mut read =
            RequestSpec { path: spec.read.clone()?, headers: spec.headers.clone(), ..RequestSpec::default() };
        // Whoever must say who it is must say so here too; the key was for the write, and so was what its body is.
        let of_the_write = |name: &str| {
            name.eq_ignore_ascii_case("content-type")
                || spec.idempotent.as_ref().is_some_and(|key| name.eq_ignore_ascii_case(key))
        };
        read.headers.retain(|name, _| !of_the_write(name));
        Some(template::fill_as(&read, &self.saved, own))
    }

    /// The GET of what a request made, for a request with `read` whose answer holds all that its path needs.
    pub fn read_back(&self, spec: &RequestSpec, exchange: &Exchange) -> Option<Request> {
        self.read_of(spec, &Self::own_values(spec, exchange)?)
    }
}

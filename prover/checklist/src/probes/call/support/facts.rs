//! Facts that several probes of the chapter speak of: the report compares what they say.

/// A request that uses a dependency is answered within the service's deadline, and a second, while that is silent.
pub(crate) fn answered_while_silent(dependency: &str, request: &str) -> String {
    format!("with {dependency} silent, {request} is answered within the deadline")
}

/// The calls that requests cause end within the service's deadline, and a second, while the dependency is silent.
pub(crate) fn calls_end_while_silent(dependency: &str) -> String {
    format!("with {dependency} silent, calls to it end within the deadline")
}

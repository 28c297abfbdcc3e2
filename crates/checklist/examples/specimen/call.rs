//! Specimens for the probes of chapter `call`.

/// Runs the specimen called `name` on `port` until it is killed; false when it is not one of these.
pub(crate) fn run(_name: &str, _port: u16) -> bool {
    false
}

//! Doubles in the places of dependencies: made, and the subject started with them.

use keel_drill::double::Double;

use crate::finding::Finding;
use crate::lab::{Lab, Started};
use crate::subject::Dependency;

/// A double for a dependency that speaks plain HTTP.
///
/// # Errors
/// The finding, when there is no port for it.
pub(crate) async fn double_of(id: &str, declared: &Dependency) -> Result<Double, Finding> {
    Double::start(declared.url.clone()).await.map_err(|error| {
        let reason = format!("no loopback port for the double of {}: {error}", declared.name);
        Finding::unknown(id, reason, Vec::new())
    })
}

/// Starts the subject again, with doubles in the places of dependencies; says how that went.
///
/// # Errors
/// The finding, when it does not start.
pub(crate) async fn start_with(id: &str, lab: &mut Lab, places: &[(&Dependency, &Double)]) -> Result<Started, Finding> {
    let address = |(declared, double): &(&Dependency, &Double)| {
        let mut url = declared.url.clone();
        // Both fail only for URLs without a host; plain HTTP has one.
        let _ = url.set_host(Some("127.0.0.1"));
        let _ = url.set_port(Some(double.address().port()));
        declared.variables(&url)
    };
    let addresses: Vec<(String, String)> = places.iter().flat_map(address).collect();
    lab.stop().await;
    let started = lab.start_with(|launch| launch.env.extend(addresses)).await;
    started.map_err(|failure| {
        let names: Vec<&str> = places.iter().map(|(declared, _)| declared.name.as_str()).collect();
        let reason = format!("it does not start with a double in the place of {}: {failure}", names.join(", "));
        Finding::unknown(id, reason, Vec::new())
    })
}

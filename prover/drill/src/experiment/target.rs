//! The target of a drill. The caller brings it: a drill does not know how a service is started.

use std::collections::BTreeMap;

use url::Url;

use super::plan::Settings;
use crate::double::Double;
use keel_load::Kind;
use keel_proxy::FaultProxy;

/// A service that runs, with proxies in front of its dependencies.
pub trait DrillTarget {
    /// Its public listener.
    fn url(&self) -> Url;

    /// The listener of its operators; the public one when there is no other.
    fn admin(&self) -> Url;

    /// The request of that name.
    fn request(&self, name: &str) -> Option<Kind>;

    /// The values of names in braces in requests, taken from earlier answers.
    fn variables(&self) -> BTreeMap<String, String>;

    /// A path with those names replaced.
    fn filled(&self, path: &str) -> String;

    /// The proxy in front of a dependency.
    fn proxy(&self, dependency: &str) -> Option<&FaultProxy>;

    /// The double behind that proxy, in front of the dependency; for those that the drill watches
    /// ([`Plan::watched`](super::plan::Plan::watched)).
    fn double(&self, dependency: &str) -> Option<&Double>;

    /// The dependency itself, where it speaks HTTP, past everything in front of it.
    fn dependency(&self, dependency: &str) -> Option<Url>;

    /// Sends a signal to a process, its whole group.
    ///
    /// # Errors
    /// When there is no such process.
    fn signal(&mut self, process: &str, signal: i32) -> Result<(), String>;

    /// The id of a process that runs, by its name.
    fn pid(&self, process: &str) -> Option<u32>;

    /// The settings that are added to a fault of the host where the drill leaves them out, by the fault's name: the switch or
    /// the folder of what was prepared ([`Setup::settings`](super::Setup::settings)).
    fn settings(&self, fault: &str) -> Settings;

    /// Takes every fault away, starts what has ended, and waits until all is ready.
    ///
    /// # Errors
    /// When it does not get ready.
    fn mend(&mut self) -> impl Future<Output = Result<(), String>> + Send;
}

//! The definition of an attack: its name, its source, the correct behavior, and the function that carries it out.

use futures_util::future::BoxFuture;

use super::context::Context;
use super::evidence::Findings;

/// One attack.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// Its name on the command line and in reports.
    pub id: &'static str,
    /// The action against the server.
    pub what: &'static str,
    /// The CVE, RFC or paper that describes it.
    pub source: &'static str,
    /// The answers and actions of a correct server.
    pub correct: &'static str,
    /// The most bytes by which the target's memory may grow, for attacks on memory.
    pub(super) memory: Option<u64>,
    pub(super) launch: Launch,
}

/// The function that carries an attack out.
pub(super) type Launch = for<'a> fn(&'a Context<'a>) -> BoxFuture<'a, Findings>;

//! A probe: the code that examines one attribute, and the specimens that it must tell apart.

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::finding::Finding;
use crate::lab::Lab;
#[cfg(feature = "specimens")]
use crate::specimen::Specimen;

/// No probe takes longer, unless told otherwise.
pub const PROBE_BOUND: Duration = Duration::from_secs(120);

/// The examination of one attribute.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// The attribute's id.
    pub id: &'static str,
    /// Examines the running subject; may break it, the lab mends it afterwards. Bounded in time by its own limits.
    pub examine: for<'l> fn(&'l mut Lab) -> BoxFuture<'l, Finding>,
    /// Servers on which its verdict is known.
    #[cfg(feature = "specimens")]
    pub specimens: &'static [Specimen],
}

//! Service discovery: sources of instances, and a cluster that follows one.
//!
//! A [`Discover`] says each time that there is something new. [`follow`] gives that to a [`Cluster`]; where nothing could be
//! found out the last good answer stays in force, and the cluster says why.

mod file;
mod source;

use std::hash::Hash;

use tokio::time::Instant;

pub use self::file::{File, MAX_FILE_BYTES};
pub use self::source::{Discover, Unknown};
use crate::balance::Instance;
use crate::cluster::Cluster;

/// Always the same instances.
#[derive(Clone, Debug)]
pub struct Static<T> {
    instances: Option<Vec<Instance<T>>>,
}

impl<T> Static<T> {
    /// These.
    pub const fn new(instances: Vec<Instance<T>>) -> Self {
        Self { instances: Some(instances) }
    }
}

impl<T: Send> Discover<T> for Static<T> {
    async fn next(&mut self) -> Result<Vec<Instance<T>>, Unknown> {
        match self.instances.take() {
            Some(instances) => Ok(instances),
            None => std::future::pending().await,
        }
    }
}

/// Keeps a cluster's instances as they are discovered. It never returns: spawn it, and abort it when the cluster is not needed. Cancel-safe: the
/// cluster keeps the last instances.
pub async fn follow<T: Clone + Eq + Hash>(cluster: &Cluster<T>, mut discover: impl Discover<T>) {
    loop {
        let kept = match discover.next().await {
            Ok(instances) => cluster.replace(instances, Instant::now()).map_err(|invalid| invalid.to_string()),
            Err(unknown) => Err(unknown.to_string()),
        };
        if let Err(why) = kept {
            cluster.keep(why);
        }
    }
}

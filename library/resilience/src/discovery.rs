//! Where a dependency's instances are: who says so, and how a cluster follows.
//!
//! A [`Discover`] says each time that there is something new. [`follow`] gives that to a [`Cluster`]; where nothing could be
//! found out the last good answer stays in force, and the cluster says why.

mod file;

use std::hash::Hash;

use tokio::time::Instant;

pub use self::file::{File, MAX_FILE_BYTES};
use crate::balance::Instance;
use crate::cluster::Cluster;

/// Says where a dependency's instances are.
pub trait Discover<T>: Send {
    /// Waits until there is something new to say: the instances, or why they could not be found out. Cancel-safe: what was not
    /// said is said the next time.
    fn next(&mut self) -> impl Future<Output = Result<Vec<Instance<T>>, Unknown>> + Send;
}

/// The instances could not be found out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the instances of {what} are not known anew, the last ones stay: {why}")]
pub struct Unknown {
    /// Who was asked for what.
    pub what: String,
    /// What went wrong, and what to do.
    pub why: String,
}

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

/// Keeps a cluster's instances as they are discovered, for ever: to be spawned, and dropped when the cluster is not needed.
pub async fn follow<T: Clone + Eq + Hash>(cluster: &Cluster<T>, mut discover: impl Discover<T>) {
    loop {
        let kept = match discover.next().await {
            Ok(instances) => cluster.replace(instances, Instant::now()),
            Err(unknown) => Err(unknown.to_string()),
        };
        if let Err(why) = kept {
            cluster.keep(why);
        }
    }
}

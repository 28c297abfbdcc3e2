//! Discovery that is restricted on purpose (feature `without-guards`): to the first instance, or to the first answer.

use resilience::balance::Instance;
use resilience::discovery::{Discover, Unknown};

use crate::endpoints::{Endpoints, InstanceAddress};

/// Keeps the first instance only, if the endpoints are restricted to it.
pub(crate) fn restrict(
    endpoints: &Endpoints,
    mut instances: Vec<Instance<InstanceAddress>>,
) -> Vec<Instance<InstanceAddress>> {
    if endpoints.first_alone {
        instances.truncate(1);
    }
    instances
}

/// A source of instances, with the restrictions of the endpoints.
pub(crate) struct Restricted<D> {
    source: D,
    endpoints: Endpoints,
    answered: bool,
}

impl<D> Restricted<D> {
    pub(crate) fn new(source: D, endpoints: &Endpoints) -> Self {
        Self { source, endpoints: endpoints.clone(), answered: false }
    }
}

impl<D: Discover<InstanceAddress>> Discover<InstanceAddress> for Restricted<D> {
    async fn next(&mut self) -> Result<Vec<Instance<InstanceAddress>>, Unknown> {
        if self.endpoints.once && self.answered {
            return std::future::pending().await;
        }
        let instances = self.source.next().await?;
        self.answered = true;
        Ok(restrict(&self.endpoints, instances))
    }
}

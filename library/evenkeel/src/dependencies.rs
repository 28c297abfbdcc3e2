//! The dependencies of a service: their policies in the client, their health checks, and the orders to them.

use axum::Router;
use client::{Bounds, Check, Client};
use supervision::{Children, Stop};
use telemetry::objectives::Objectives;
use vitals::Registry;

use crate::change::Change;
use crate::failed::Failed;
use crate::objectives;
use crate::service::Declare;
use crate::settings::Standard;

/// The health checks of dependencies, by name.
pub(crate) type Checks = Vec<(&'static str, Check)>;

/// The client with the policies of all dependencies, and their health checks.
pub(crate) fn declare<S>(
    changes: Vec<Change<Bounds>>,
    dependencies: Vec<(&'static str, Declare<S>)>,
    #[cfg_attr(not(feature = "without-guards"), expect(unused_variables))] standard: &Standard,
    settings: &S,
    registry: &Registry,
    objectives: &Objectives,
) -> Result<(Client, Checks), Failed> {
    let mut bounds = Bounds::default();
    changes.into_iter().for_each(|change| change(&mut bounds));
    #[cfg(feature = "without-guards")]
    let bounds = standard.without.bounds(bounds);
    let client = Client::new(bounds);
    client.register(registry);
    objectives::check_dependencies(objectives, |name| dependencies.iter().any(|(known, _)| *known == name))?;
    let mut checks = Vec::new();
    for (name, declare) in dependencies {
        let dependency = declare(settings);
        dependency.log_turned_off(name);
        #[cfg(feature = "without-guards")]
        let dependency = standard.without.dependency(dependency);
        checks.extend(dependency.declare(name, &client, objectives)?.map(|check| (name, check)));
    }
    Ok((client, checks))
}

/// The orders to policies on the admin listener.
pub(crate) fn orders(
    client: Client,
    #[cfg_attr(not(feature = "without-guards"), expect(unused_variables))] standard: &Standard,
) -> Router {
    #[cfg(feature = "without-guards")]
    if !standard.without.takes_orders() {
        return Router::new();
    }
    crate::admin::policies(client)
}

/// Starts the health checks, supervised.
pub(crate) fn start_checks(client: &Client, checks: Checks, children: &mut Children) {
    for (name, check) in checks {
        let client = client.clone();
        children
            .start(format!("check of {name}"), move |stop| health_checks(client.clone(), name, check.clone(), stop));
    }
}

/// Checks the health of a dependency until the stop.
async fn health_checks(client: Client, name: &'static str, check: Check, stop: Stop) {
    tokio::select! {
        () = stop.requested() => {}
        Err(why) = client.check(name, &check) => {
            tracing::error!(dependency = name, %why, "the health check of the dependency has ended");
            stop.requested().await;
        }
    }
}

//! The objectives of a service: their checks at the start, and the task that moves their windows on.

use axum::Router;
use supervision::Children;
use telemetry::objectives::{InvalidObjective, Objective, Objectives, slos};
use vitals::{Instance, Registry};

use crate::failed::Failed;
use crate::routes::has_route;

/// Checks the objectives and begins to count. A warning names the burn rates that no outage can reach.
pub(crate) fn open(declared: &[Objective], instance: &Instance, registry: &Registry) -> Result<Objectives, Failed> {
    let slos = slos(declared)?;
    for slo in &slos {
        for factor in slo.impossible().filter(|_| slo.has_alerts) {
            tracing::warn!(objective = slo.name, factor, "left out: no outage can burn the budget this fast");
        }
    }
    let objectives = Objectives::new(instance.build().name, slos);
    objectives.register(registry);
    Ok(objectives)
}

/// Starts the task that moves the windows on and publishes alerts, supervised; none without objectives.
pub(crate) fn start(objectives: Objectives, registry: &Registry, children: &mut Children) {
    if objectives.iter().next().is_none() {
        return;
    }
    let bus = registry.bus().clone();
    children.start("objectives", move |stop| {
        let (objectives, bus) = (objectives.clone(), bus.clone());
        async move { objectives.run(&bus, stop.requested()).await }
    });
}

/// Checks that each objective is of a route of the public listener.
pub(crate) async fn check_routes(declared: &[Objective], routes: &Router) -> Result<(), Failed> {
    for slo in slos(declared)? {
        if !has_route(routes, &slo.route).await {
            return Err(InvalidObjective::of_unknown_route(&slo).into());
        }
    }
    Ok(())
}

//! The objectives of a service: their checks at the start, and the task that moves their windows on.

use axum::Router;
use border::RouteRules;
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

/// Checks that the objectives and the rules of a route say the same latency.
pub(crate) fn check_rules(objectives: &Objectives, rules: &[RouteRules]) -> Result<(), InvalidObjective> {
    for objective in objectives.iter() {
        let slo = objective.slo();
        for rules in rules {
            let Some(promise) = slo.promise(rules.method(), rules.path()) else { continue };
            let Some(told) = rules.objective_told() else { continue };
            if rules.declared_objective() != Some(promise) {
                return Err(InvalidObjective::of_two(slo, &told));
            }
        }
    }
    Ok(())
}

/// Checks that each objective of a dependency is of a known one.
#[cfg(feature = "client")]
pub(crate) fn check_dependencies(objectives: &Objectives, is_known: impl Fn(&str) -> bool) -> Result<(), Failed> {
    use telemetry::objectives::Subject;
    let is_unknown = |subject: &Subject| matches!(subject, Subject::Dependency(name) if !is_known(name));
    match objectives.iter().find(|objective| is_unknown(&objective.slo().subject)) {
        Some(objective) => Err(InvalidObjective::of_unknown(objective.slo()).into()),
        None => Ok(()),
    }
}

/// Logs each objective of jobs for which there is no handler.
#[cfg(feature = "store")]
pub(crate) fn check_jobs(objectives: &Objectives, kinds: &[String]) {
    use telemetry::objectives::Subject;
    let is_unknown = |subject: &Subject| matches!(subject, Subject::Job(kind) if !kinds.contains(kind));
    for objective in objectives.iter().filter(|objective| is_unknown(&objective.slo().subject)) {
        tracing::error!(error = %InvalidObjective::of_unknown(objective.slo()), "an objective counts nothing");
    }
}

/// Checks that each objective of a route is of one of the public listener.
pub(crate) async fn check_routes(declared: &[Objective], routes: &Router) -> Result<(), Failed> {
    for slo in slos(declared)? {
        if let Some(pattern) = slo.pattern()
            && !has_route(routes, pattern).await
        {
            return Err(InvalidObjective::of_unknown(&slo).into());
        }
    }
    Ok(())
}

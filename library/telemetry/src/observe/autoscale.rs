//! Manifests for automatic scaling: a HorizontalPodAutoscaler, and a ScaledObject of KEDA in its place.
//!
//! The signals are those of the table `saturation`: requests that wait for a dependency are left out, because more instances of a service
//! whose dependency is sick only add load to that dependency. Up at once, by at most double; down slowly.

use crate::observe::numbers::quoted;
use crate::observe::{HEAD, OpsFile};

/// The share of saturation that is kept: below the knee, with room for the time until new instances are ready.
const TARGET: &str = "0.6";
/// The resources whose saturation is a signal.
const RESOURCES: [&str; 2] = ["processors", "requests"];
/// Seconds of lower load before instances are taken away.
const COOLDOWN: u32 = 300;

/// The bounds of the number of instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instances {
    /// The fewest: two, so that the end of one is no outage.
    pub least: u32,
    /// The most: what dependencies and the store can serve.
    pub most: u32,
}

impl Default for Instances {
    /// From 2 to 10.
    fn default() -> Self {
        Self { least: 2, most: 10 }
    }
}

/// The manifests of a service.
pub fn manifests(service: &str, instances: Instances) -> Vec<OpsFile> {
    let generated = |path: &str, text: String| OpsFile { path: path.to_owned(), text, is_generated: true };
    vec![
        generated("autoscale-hpa.yml", horizontal_pod_autoscaler(service, instances)),
        generated("autoscale-keda.yml", scaled_object(service, instances)),
    ]
}

/// The behaviour of both, indented by so many spaces.
fn behavior(indent: usize) -> String {
    let lines = [
        "behavior:".to_owned(),
        "  scaleUp:".to_owned(),
        "    stabilizationWindowSeconds: 0".to_owned(),
        "    policies:".to_owned(),
        "    - { type: Percent, value: 100, periodSeconds: 15 }".to_owned(),
        "  scaleDown:".to_owned(),
        format!("    stabilizationWindowSeconds: {COOLDOWN}"),
        "    policies:".to_owned(),
        "    - { type: Percent, value: 50, periodSeconds: 60 }".to_owned(),
    ];
    lines.map(|line| format!("{}{line}\n", " ".repeat(indent))).concat()
}

fn horizontal_pod_autoscaler(service: &str, instances: Instances) -> String {
    let name = quoted(service);
    let metric = |resource: &str| {
        format!(
            "  - type: Pods\n    pods:\n      metric:\n        name: saturation_ratio\n        selector: {{ matchLabels: {{ resource: \
             {resource} }} }}\n      target: {{ type: AverageValue, averageValue: \"{TARGET}\" }}\n"
        )
    };
    format!(
        "{HEAD}# Needs an adapter that serves Prometheus' series as custom metrics. Use this or autoscale-keda.yml, not both.\n\
         apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{ name: {name} }}\nspec:\n  scaleTargetRef: {{ apiVersion: \
         apps/v1, kind: Deployment, name: {name} }}\n  minReplicas: {}\n  maxReplicas: {}\n  metrics:\n{}{}",
        instances.least,
        instances.most,
        RESOURCES.map(metric).concat(),
        behavior(2)
    )
}

fn scaled_object(service: &str, instances: Instances) -> String {
    let name = quoted(service);
    let trigger = |resource: &str| {
        let query = quoted(&format!("sum(saturation_ratio{{job=\"{service}\", resource=\"{resource}\"}})"));
        format!(
            "  - type: prometheus\n    metadata:\n      # The address of your Prometheus.\n      serverAddress: http://prometheus:9090\n      \
             query: {query}\n      threshold: \"{TARGET}\"\n"
        )
    };
    format!(
        "{HEAD}# Use this or autoscale-hpa.yml, not both.\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{ name: {name} }}\n\
         spec:\n  scaleTargetRef: {{ name: {name} }}\n  pollingInterval: 15\n  cooldownPeriod: {COOLDOWN}\n  minReplicaCount: {}\n  \
         maxReplicaCount: {}\n  advanced:\n    horizontalPodAutoscalerConfig:\n{}  triggers:\n{}",
        instances.least,
        instances.most,
        behavior(6),
        RESOURCES.map(trigger).concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_manifests_bound_the_instances_and_scale_down_slowly_on_the_same_signals() {
        let files = manifests("shop", Instances { least: 3, most: 7 });
        for (file, bounds) in
            files.iter().zip([["minReplicas: 3", "maxReplicas: 7"], ["minReplicaCount: 3", "maxReplicaCount: 7"]])
        {
            let has = |text: &str| assert!(file.text.contains(text), "{text} is not in {}", file.text);
            for text in bounds.into_iter().chain(RESOURCES) {
                has(text);
            }
            has("stabilizationWindowSeconds: 300");
            has("saturation_ratio");
            assert!(file.is_generated);
        }
    }
}

//! Manifests for automatic scaling: HorizontalPodAutoscaler of Kubernetes, ScaledObject of KEDA.

use std::path::Path;

use serde_json::Value;

use crate::clause::life::autoscale as clause;
use crate::finding::Evidence;
use crate::openapi::yaml;
use crate::probes::see::metrics::exposition::Scrape;
use crate::probes::see::slo::expression::{self, Expression, Selector};

/// The longest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Seconds of Kubernetes' own wait before instances are taken away, where a manifest does not say.
const USUAL_COOLDOWN: u64 = 300;
/// The shortest wait that is one, in seconds.
const LEAST_COOLDOWN: u64 = 30;

/// A manifest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Manifest {
    pub(super) name: String,
    least: Option<u64>,
    most: Option<u64>,
    cooldown: Option<u64>,
    pub(super) signals: Vec<Signal>,
    /// Signals of the container, such as its use of the processor.
    of_container: Vec<String>,
    /// Triggers that were not read, and why.
    unread: Vec<String>,
}

/// A signal that the service publishes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Signal {
    pub(super) shown: String,
    pub(super) selectors: Vec<Selector>,
    /// The value that is kept; none where it is not a number.
    pub(super) target: Option<f64>,
}

impl Signal {
    /// The sum of its series; none where it is no gauge, or not published.
    pub(super) fn value(&self, scrape: &Scrape) -> Option<f64> {
        let [selector] = self.selectors.as_slice() else { return None };
        if selector.window.is_some() {
            return None;
        }
        // Labels that Prometheus adds are of no series here.
        let own = |label: &str| !["job", "instance", "namespace", "pod"].contains(&label);
        let matchers = selector.matchers.iter().filter(|(label, _, _)| own(label)).cloned().collect();
        let selector = Selector { matchers, ..selector.clone() };
        let of_it =
            scrape.samples.iter().filter(|sample| sample.name == selector.name && selector.takes(&sample.labels));
        let values: Vec<f64> = of_it.map(|sample| sample.value).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }
}

/// Reads the manifests of a file.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read(path: &Path) -> Result<Vec<Manifest>, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    parse(&std::fs::read_to_string(path).map_err(|error| error.to_string())?)
}

/// Reads the documents of a text; those of other kinds are left out.
pub(super) fn parse(text: &str) -> Result<Vec<Manifest>, String> {
    let mut manifests = Vec::new();
    for document in text.split("\n---").map(|document| document.trim_start_matches("---")) {
        let is_empty = document.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        if is_empty {
            continue;
        }
        let document = yaml::read(document)?;
        let name = document.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("?");
        match document.get("kind").and_then(Value::as_str) {
            Some("HorizontalPodAutoscaler") => manifests.push(horizontal_pod_autoscaler(name, &document)),
            Some("ScaledObject") => manifests.push(scaled_object(name, &document)),
            _ => {}
        }
    }
    Ok(manifests)
}

fn horizontal_pod_autoscaler(name: &str, document: &Value) -> Manifest {
    let number = |path: &str| document.pointer(path).and_then(Value::as_u64);
    let mut manifest = Manifest {
        name: format!("HorizontalPodAutoscaler {name}"),
        least: number("/spec/minReplicas"),
        most: number("/spec/maxReplicas"),
        cooldown: Some(number("/spec/behavior/scaleDown/stabilizationWindowSeconds").unwrap_or(USUAL_COOLDOWN)),
        ..Manifest::default()
    };
    for metric in document.pointer("/spec/metrics").and_then(Value::as_array).into_iter().flatten() {
        if let Some(resource) = metric.pointer("/resource/name").and_then(Value::as_str) {
            manifest.of_container.push(resource.to_owned());
        }
        for kind in ["pods", "object", "external"] {
            let Some(of) = metric.get(kind) else { continue };
            let Some(name) = of.pointer("/metric/name").and_then(Value::as_str) else { continue };
            let labels = of.pointer("/metric/selector/matchLabels").and_then(Value::as_object).into_iter().flatten();
            let matchers: Vec<(String, String, String)> = labels
                .map(|(label, value)| (label.clone(), "=".to_owned(), value.as_str().unwrap_or_default().to_owned()))
                .collect();
            let target = of.pointer("/target/averageValue").or(of.pointer("/target/value")).and_then(quantity);
            manifest.signals.push(signal(Selector { name: name.to_owned(), matchers, window: None }, target));
        }
    }
    manifest
}

fn scaled_object(name: &str, document: &Value) -> Manifest {
    let number = |path: &str| document.pointer(path).and_then(Value::as_u64);
    let behavior = "/spec/advanced/horizontalPodAutoscalerConfig/behavior/scaleDown/stabilizationWindowSeconds";
    let mut manifest = Manifest {
        name: format!("ScaledObject {name}"),
        least: number("/spec/minReplicaCount"),
        most: number("/spec/maxReplicaCount"),
        // KEDA's own cooldown is of the step to no instance at all.
        cooldown: Some(number(behavior).unwrap_or(USUAL_COOLDOWN)),
        ..Manifest::default()
    };
    for trigger in document.pointer("/spec/triggers").and_then(Value::as_array).into_iter().flatten() {
        let kind = trigger.get("type").and_then(Value::as_str).unwrap_or("?");
        match (kind, trigger.pointer("/metadata/query").and_then(Value::as_str)) {
            ("prometheus", Some(query)) => match expression::read(query) {
                Ok(read) => {
                    let target = trigger.pointer("/metadata/threshold").and_then(quantity);
                    let selectors = selectors(&read);
                    let shown = query.to_owned();
                    manifest.signals.push(match selectors.as_slice() {
                        [one] if one.window.is_none() => signal(one.clone(), target),
                        _ => Signal { shown, selectors, target },
                    });
                }
                Err(why) => manifest.unread.push(format!("{query}: {why}")),
            },
            ("cpu" | "memory", _) => manifest.of_container.push(kind.to_owned()),
            (other, _) => manifest.unread.push(format!("a trigger of type {other}")),
        }
    }
    manifest
}

fn signal(selector: Selector, target: Option<f64>) -> Signal {
    let own = selector.matchers.iter().filter(|(label, _, _)| label != "job");
    let labels: Vec<String> = own.map(|(label, sign, value)| format!("{label}{sign}{value:?}")).collect();
    let shown = format!("{}{{{}}}", selector.name, labels.join(","));
    Signal { shown, selectors: vec![selector], target }
}

fn selectors(expression: &Expression) -> Vec<Selector> {
    match expression {
        Expression::Selector(selector) => vec![selector.clone()],
        Expression::Call(_, arguments) => arguments.iter().flat_map(selectors).collect(),
        Expression::Operation(_, _, sides) => sides.iter().flat_map(selectors).collect(),
        Expression::Number(_) | Expression::Text => Vec::new(),
    }
}

/// A number of Kubernetes, such as `0.6` or `600m`.
fn quantity(value: &Value) -> Option<f64> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.strip_suffix('m') {
        Some(thousandths) => Some(thousandths.parse::<f64>().ok()? / 1000.0),
        None => text.parse().ok(),
    }
}

impl Manifest {
    /// Judges minimum, maximum and cooldown.
    pub(super) fn bounds(&self) -> Vec<Evidence> {
        let name = &self.name;
        let bounds = match (self.least, self.most) {
            (Some(least), Some(most)) => {
                let what = format!("{name} keeps from {least} to {most} instances");
                clause::BOUNDS.saw(least <= most && most > 0, what)
            }
            (None, _) => clause::BOUNDS.contradicts(format!("{name} has no minimum")),
            (_, None) => clause::BOUNDS.contradicts(format!("{name} has no maximum")),
        };
        let wait = self.cooldown.unwrap_or_default();
        let what = format!("{name} waits {wait} s before it takes instances away");
        vec![bounds, clause::COOLDOWN.saw(wait >= LEAST_COOLDOWN, what)]
    }

    /// Judges whether it names a signal of the service.
    pub(super) fn names_signals(&self) -> Vec<Evidence> {
        let mut evidence: Vec<Evidence> = self
            .unread
            .iter()
            .map(|why| clause::SIGNALS.gap(format!("{} was not followed: {why}", self.name)))
            .collect();
        if self.signals.is_empty() && self.unread.is_empty() {
            let alone = self.of_container.join(" and ");
            let on = if alone.is_empty() { "nothing".to_owned() } else { format!("{alone} alone") };
            evidence.push(
                clause::SIGNALS.contradicts(format!("{} scales on {on}, and on no signal of the service", self.name)),
            );
        }
        evidence
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    const HPA: &str = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: shop }\nspec:\n  minReplicas: 2\n  \
                       maxReplicas: 9\n  metrics:\n  - type: Pods\n    pods:\n      metric:\n        name: full\n        selector: { matchLabels: \
                       { resource: requests } }\n      target: { type: AverageValue, averageValue: 600m }\n  behavior:\n    scaleDown:\n      \
                       stabilizationWindowSeconds: 300\n";

    fn bounds(text: &str) -> Vec<bool> {
        parse(text).unwrap()[0].bounds().iter().map(Evidence::is_for).collect()
    }

    #[test]
    fn a_manifest_has_a_minimum_a_maximum_and_a_cooldown() {
        assert_eq!(bounds(HPA), [true, true]);
        assert_eq!(bounds(&HPA.replace("  maxReplicas: 9\n", "")), [false, true]);
        assert_eq!(bounds(&HPA.replace("  minReplicas: 2\n", "")), [false, true]);
        assert_eq!(bounds(&HPA.replace("minReplicas: 2", "minReplicas: 20")), [false, true]);
        assert_eq!(bounds(&HPA.replace("Seconds: 300", "Seconds: 0")), [true, false]);
        let keda = "# Comment.\n---\nkind: ScaledObject\nspec:\n  minReplicaCount: 1\n  maxReplicaCount: 3\n";
        assert_eq!(bounds(keda), [true, true]);
    }

    #[test]
    fn signals_are_series_with_labels_and_targets() {
        let manifest = parse(HPA).unwrap().remove(0);
        assert_eq!(
            (manifest.signals[0].shown.as_str(), manifest.signals[0].target),
            ("full{resource=\"requests\"}", Some(0.6))
        );
        let scrape = Scrape::read("full{resource=\"requests\"} 0.5\nfull{resource=\"threads\"} 0.9\n").0;
        assert_eq!(manifest.signals[0].value(&scrape), Some(0.5));
        let keda = "kind: ScaledObject\nspec:\n  triggers:\n  - type: prometheus\n    metadata:\n      query: \
                    \"sum(full{job=\\\"shop\\\", resource=\\\"requests\\\"})\"\n      threshold: \"0.6\"\n";
        let of_keda = parse(keda).unwrap().remove(0);
        assert_eq!(
            (of_keda.signals[0].value(&scrape), &of_keda.signals[0].shown),
            (Some(0.5), &manifest.signals[0].shown)
        );
    }

    #[test]
    fn a_manifest_on_the_processor_alone_has_no_signal_of_the_service() {
        let cpu = "kind: HorizontalPodAutoscaler\nspec:\n  metrics:\n  - type: Resource\n    resource: { name: cpu }\n";
        assert!(parse(cpu).unwrap()[0].names_signals()[0].is_against());
        assert!(parse(HPA).unwrap()[0].names_signals().is_empty());
    }
}

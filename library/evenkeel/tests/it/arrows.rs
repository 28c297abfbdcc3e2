//! The arrows of the house: which crate may know which. `ARCHITECTURE.md` draws them; this holds them.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value as Json;

/// Each crate of ours with the crates of ours it may depend on, tests included.
const ALLOWED: [(&str, &[&str]); 22] = [
    ("evenkeel-vitals", &[]),
    ("evenkeel-resilience", &["evenkeel-vitals"]),
    // Compiles resilience's own sources again, under a checker of orders.
    ("resilience-models", &["evenkeel-vitals"]),
    ("evenkeel-supervision", &["evenkeel-vitals", "evenkeel-resilience"]),
    ("evenkeel-telemetry", &["evenkeel-vitals"]),
    ("evenkeel-border", &["evenkeel-vitals", "evenkeel-resilience", "evenkeel-supervision", "evenkeel-telemetry"]),
    ("evenkeel-client", &["evenkeel-vitals", "evenkeel-resilience", "evenkeel-telemetry"]),
    ("evenkeel-store", &["evenkeel-vitals", "evenkeel-resilience"]),
    (
        "evenkeel",
        &[
            "evenkeel-vitals",
            "evenkeel-resilience",
            "evenkeel-supervision",
            "evenkeel-telemetry",
            "evenkeel-border",
            "evenkeel-client",
            "evenkeel-store",
        ],
    ),
    // The catalogue is read by both sides; it takes its diagnostics from the prover's ground floor.
    ("keel-catalogue", &["keel-input"]),
    ("keel-input", &[]),
    ("keel-wire", &[]),
    // keel-wire for its tests alone.
    ("keel-proxy", &["keel-input", "keel-wire"]),
    ("keel-load", &["keel-input"]),
    ("keel-drill", &["keel-input", "keel-wire", "keel-proxy", "keel-load"]),
    ("keel-chaostoolkit", &["keel-wire", "keel-drill"]),
    ("keel-checklist", &["keel-catalogue", "keel-input", "keel-wire", "keel-proxy", "keel-load", "keel-drill"]),
    (
        "keel-prover",
        &[
            "keel-catalogue",
            "keel-input",
            "keel-wire",
            "keel-proxy",
            "keel-load",
            "keel-drill",
            "keel-chaostoolkit",
            "keel-checklist",
        ],
    ),
    // The bank for the tests of payouts alone.
    ("ledger", &["evenkeel", "rail"]),
    ("rail", &["evenkeel"]),
    ("bench", &["evenkeel"]),
    // The guide's examples: a user who takes a part alone.
    ("guide", &["evenkeel", "evenkeel-client", "evenkeel-resilience"]),
];

/// What a crate must not know, whoever wrote it: resilience no HTTP and no SQL, border and client no SQL, store no HTTP.
const FOREIGN: [(&str, &[&str]); 5] = [
    ("evenkeel-resilience", &["axum", "http", "hyper", "sqlx"]),
    ("evenkeel-border", &["sqlx"]),
    ("evenkeel-client", &["sqlx"]),
    ("evenkeel-store", &["axum", "http", "hyper"]),
    ("evenkeel-vitals", &["axum", "http", "hyper", "sqlx"]),
];

fn edges() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .unwrap();
    let metadata: Json = serde_json::from_slice(&output.stdout).unwrap();
    let names = |dependencies: &Json| {
        dependencies.as_array().unwrap().iter().map(|edge| edge["name"].as_str().unwrap().to_owned()).collect()
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.map(|package| (package["name"].as_str().unwrap().to_owned(), names(&package["dependencies"]))).collect()
}

#[test]
fn every_arrow_between_our_crates_is_one_that_the_house_allows() {
    let edges = edges();
    let ours: Vec<&str> = edges.keys().map(String::as_str).collect();
    for (name, dependencies) in &edges {
        let (_, allowed) = ALLOWED
            .iter()
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("{name} has no place in the house: give it one here and in ARCHITECTURE.md"));
        for dependency in dependencies.iter().filter(|dependency| ours.contains(&dependency.as_str())) {
            // A crate may ask for its own features in its tests.
            assert!(
                dependency == name || allowed.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn crates_do_not_know_what_they_must_not() {
    let edges = edges();
    for (name, foreign) in FOREIGN {
        for dependency in &edges[name] {
            assert!(!foreign.contains(&dependency.as_str()), "{name} must not know {dependency}");
        }
    }
}

//! The weight of a service that has neither a store nor a client nor a description of its API.

use std::collections::BTreeSet;
use std::process::Command;

/// The most crates that such a service builds, itself included.
const MOST: usize = 140;

#[test]
fn a_hello_without_the_features_builds_few_crates() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", "evenkeel", "--no-default-features", "-e", "normal"])
        .args(["--prefix", "none", "--no-dedupe", "--format", "{p}"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let crates: BTreeSet<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert!(crates.iter().any(|line| line.starts_with("axum ")), "{crates:?}");
    for heavy in ["sqlx", "hickory-resolver", "rustls", "utoipa", "url"] {
        assert!(!crates.iter().any(|line| line.starts_with(&format!("{heavy} "))), "{heavy} is not needed");
    }
    assert!(crates.len() <= MOST, "{} crates, more than {MOST}: {crates:#?}", crates.len());
}

//! The attacks of `docs/guide/testing/border`, on hello world and on a service with a body and a large answer.

use std::path::Path;
use std::process::Command;

/// Runs the checks against an example; returns the report.
fn run(example: &str, options: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = std::env::current_exe().unwrap().with_file_name("../examples").join(example);
    let output = Command::new("python3")
        .arg(root.join("docs/guide/testing/border/checks.py"))
        .args(options)
        .arg("--")
        .arg(&program)
        .output()
        .unwrap_or_else(|error| panic!("python3: {error}; `make setup` installs it"));
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
    report
}

#[test]
#[ignore = "takes 90 s"]
fn every_check_of_the_border_passes_on_hello_world() {
    assert!(run("hello", &[]).contains(" checks pass"));
}

#[test]
#[ignore = "takes 90 s"]
fn every_check_of_the_border_passes_on_a_service_with_bodies_and_large_answers() {
    assert!(run("attack_target", &["--post", "/echo", "--large", "/large"]).contains(" checks pass"));
}

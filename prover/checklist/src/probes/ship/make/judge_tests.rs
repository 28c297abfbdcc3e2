//! The judges of `ship.make` on texts without make.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use super::*;
use crate::finding::Bearing;

#[test]
fn a_target_must_do_more_than_print() {
    let bearing = |line: &str| judged("test", &[line.to_owned()]).bearing();
    assert_eq!(bearing("cargo test"), Bearing::For);
    assert_eq!(bearing("echo nothing to do"), Bearing::Gap);
    assert_eq!(bearing("echo \"TODO: write tests\""), Bearing::Against);
}

#[test]
fn ci_calls_make_and_its_failure_counts() {
    let bearing = |script: Option<&str>| {
        let folder = tempfile::tempdir().unwrap();
        if let Some(script) = script {
            std::fs::create_dir(folder.path().join(".ci")).unwrap();
            std::fs::write(folder.path().join(".ci/run"), script).unwrap();
        }
        ci(folder.path()).bearing()
    };
    assert_eq!(bearing(Some("exec make test\n")), Bearing::For);
    assert_eq!(bearing(Some("make test || true\n")), Bearing::Against);
    assert_eq!(bearing(Some("cargo test\n")), Bearing::Against);
    assert_eq!(bearing(None), Bearing::Gap);
}

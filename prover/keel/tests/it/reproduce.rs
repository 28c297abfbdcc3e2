//! `keel repro`, `keel selftest` and `keel rejudge` as a user meets them.

use std::path::Path;
use std::process::{Command, Output};

/// A port that is free now; the services of these tests are started and stopped by keel.
fn port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn keel(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keel"));
    command.args(arguments).current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache"));
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_finding_of_a_report_is_shown_by_a_script_and_judged_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (run, url) = (format!("'{}' specimen web-no-robots", env!("CARGO_BIN_EXE_keel")), port());
    let (run, url) = (format!("{run} {url}"), format!("http://127.0.0.1:{url}"));
    let subject = ["--run", &run, "--url", &url];
    let check = [&["check", "--only", "web.robots,web.cookies", "--json", "report.json"], &subject[..]].concat();
    let checked = keel(folder, &check);
    assert_eq!(checked.status.code(), Some(1), "{}", told(&checked));
    for words in ["reproduce: keel repro web.robots", "No selftest of this version was made on this machine"] {
        assert!(told(&checked).contains(words), "{words}: {}", told(&checked));
    }

    let repro = keel(folder, &["repro", "web.robots", "--report", "report.json"]);
    assert_eq!(repro.status.code(), Some(0), "{}", told(&repro));
    let script = String::from_utf8(repro.stdout).unwrap();
    assert!(script.lines().count() <= 15, "{script}");
    std::fs::write(folder.join("show.py"), &script).unwrap();
    let shown = Command::new("python3").args(["-I", "show.py"]).current_dir(folder).output().unwrap();
    assert_eq!(shown.status.code(), Some(1), "{}\n{script}", told(&shown));
    let stored: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("report.json")).unwrap()).unwrap();
    let findings = stored["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["script"] == *script), "{stored}");

    let examined = keel(folder, &[&["repro", "web.robots"], &subject[..]].concat());
    assert_eq!(String::from_utf8(examined.stdout).unwrap(), script);

    let again = keel(folder, &["rejudge", "report.json"]);
    assert_eq!(again.status.code(), Some(1), "{}", told(&again));
    assert!(told(&again).contains("No verdict changed"), "{}", told(&again));
    assert!(folder.join("report.rejudged.json").is_file());
    let old = std::fs::read_to_string(folder.join("report.json")).unwrap().replace("\"served\"", "\"offered\"");
    std::fs::write(folder.join("report.json"), old).unwrap();
    let again = keel(folder, &["rejudge", "report.json", "--output", "new.json"]);
    assert_eq!(again.status.code(), Some(0), "{}", told(&again));
    for words in ["clause offered is not in this version", "clause served was added", "falls short before, unknown now"]
    {
        assert!(told(&again).contains(words), "{words}: {}", told(&again));
    }
}

#[test]
fn findings_without_a_script_are_reported_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let refused = keel(folder.path(), &["repro", "call.jitter"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("no short script can reproduce this: "), "{}", told(&refused));
    std::fs::write(folder.path().join("old.json"), r#"{"schema":1}"#).unwrap();
    for command in [&["repro", "web.robots", "--report", "old.json"][..], &["rejudge", "old.json"]] {
        let refused = keel(folder.path(), command);
        assert_eq!(refused.status.code(), Some(2));
        assert!(told(&refused).contains("schema 1"), "{}", told(&refused));
    }
    assert_eq!(keel(folder.path(), &["repro", "web.robot"]).status.code(), Some(2));
}

#[test]
fn a_selftest_of_one_probe_is_a_table_of_what_was_expected_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let tested = keel(folder.path(), &["selftest", "web.robots"]);
    assert_eq!(tested.status.code(), Some(0), "{}", told(&tested));
    let told = told(&tested);
    for name in ["web-good", "web-robots-is-page", "web-robots-is-comment"] {
        assert!(told.contains(name), "{told}");
    }
    assert!(told.contains("3 of 3 were judged as they should be"), "{told}");
    assert!(!folder.path().join("cache").exists(), "a part of the probes says nothing of the others");
}

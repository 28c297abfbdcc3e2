//! `keel check` as a command line: what it tells while it runs, its reports, its exit codes.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use keel_wire::port::ReservedPort;

/// A folder with a `keel.toml` of Python's file server, which answers `/` with 200 and all else with 404.
fn folder(requests: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let port = ReservedPort::new().unwrap().for_this_process();
    let text = format!(
        "dependencies = \"none\"\n[service]\nname = \"files\"\nrun = \"exec python3 -m http.server {port} --bind 127.0.0.1\"\n\
         url = \"http://127.0.0.1:{port}\"\nstate = \"none\"\n{requests}"
    );
    std::fs::write(folder.path().join("keel.toml"), text).unwrap();
    folder
}

fn keel(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keel"));
    command.arg("check").args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const REQUESTS: &str = r#"
[[requests]]
name = "the list"
path = "/"

[[requests]]
name = "nothing"
path = "/nothing"
expect = 200

[[requests]]
name = "boom"
path = "/boom"
crash = true
"#;

#[test]
fn unexpected_answers_are_reported_first_and_findings_one_by_one() {
    let folder = folder(REQUESTS);
    let output = keel(folder.path(), &["--only", "web.robots,web.cookies", "--json", "report.json"]);
    let told = err(&output);
    let place = |words: &str| told.find(words).unwrap_or_else(|| panic!("{words:?} is not in\n{told}"));
    let first = place("not as declared: nothing (GET /nothing): expected 200, was answered 404");
    assert!(place("keel: examining files with 2 probes, about ") < first, "{told}");
    assert!(
        first
            < place("1 of 2 requests are answered as declared; not tried, as they are declared slow or to crash: boom")
    );
    assert!(first < place("1/2  0:0") && place("1/2  0:0") < place("2/2  0:0"), "{told}");
    assert!(told.contains("falls short     web.robots"), "{told}");
    assert!(!told.contains('\u{1b}') && !told.contains('\r'), "without a terminal lines are plain: {told:?}");
    assert_eq!(output.status.code(), Some(1), "{told}");
    let printed = out(&output);
    assert!(
        printed.contains("Not answered as declared") && printed.contains("falls short     web.robots"),
        "{printed}"
    );
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(report["first_try"]["departures"][0]["name"], "nothing");
    assert_eq!((&report["config"], &report["fail_on"]), (&"keel.toml".into(), &"falls-short".into()));
}

#[test]
fn a_quiet_check_prints_nothing_but_the_report() {
    let folder = folder("");
    let output = keel(folder.path(), &["--only", "web.robots", "--quiet", "--format", "json"]);
    assert_eq!(err(&output), "");
    serde_json::from_str::<serde_json::Value>(&out(&output)).unwrap();
}

#[test]
fn a_check_without_requests_says_what_is_missing() {
    let folder = folder("");
    let told = err(&keel(folder.path(), &["--only", "web.robots"]));
    assert!(told.contains("no request is declared, so only GET / is known to work"), "{told}");
}

#[test]
fn a_baseline_tells_the_changes_and_what_was_known_does_not_fail_the_check() {
    let folder = folder("");
    let first = keel(folder.path(), &["--only", "web.robots", "--quiet", "--json", "old.json"]);
    assert_eq!(first.status.code(), Some(1), "{}", err(&first));
    let check = ["--only", "web.*", "--quiet", "--baseline", "old.json", "--fail-on"];
    let second = keel(folder.path(), &[&check[..], &["new"]].concat());
    let told = out(&second);
    assert!(told.contains("Since old.json") && told.contains("web.headers: not examined, now falls short"), "{told}");
    assert!(!told.contains("web.robots: "), "it has not changed: {told}");
    assert_eq!(second.status.code(), Some(1), "web.headers is new: {told}");
    let third = keel(folder.path(), &["--only", "web.robots", "--baseline", "old.json", "--fail-on", "new"]);
    assert_eq!(third.status.code(), Some(0), "{}", out(&third));
}

#[test]
fn unknown_attributes_fail_the_check_only_when_they_are_asked_to() {
    let folder = folder("");
    for (arguments, code) in [
        (&[][..], 0),
        (&["--fail-on", "unknown"][..], 1),
        (&["--strict"][..], 1),
        (&["--fail-on", "falls-short"][..], 0),
    ] {
        let output = keel(folder.path(), &[&["--only", "life.crash", "--quiet"][..], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", out(&output));
    }
}

#[test]
fn every_format_is_written_to_its_file() {
    let folder = folder("");
    let files =
        ["--markdown", "r.md", "--json", "r.json", "--html", "r.html", "--junit", "r.xml", "--sarif", "r.sarif"];
    keel(folder.path(), &[&["--only", "web.robots", "--quiet"][..], &files].concat());
    for (file, words) in [
        ("r.md", "## keel: files"),
        ("r.json", "\"schema\""),
        ("r.html", "<!DOCTYPE html>"),
        ("r.xml", "<testsuites"),
        ("r.sarif", "\"uri\": \"keel.toml\""),
    ] {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(text.contains(words) && text.contains("web.robots"), "{file}: {text}");
    }
}

#[test]
fn the_list_tells_what_would_run_what_is_missing_and_how_long_and_starts_nothing() {
    let folder = folder("");
    let text = std::fs::read_to_string(folder.path().join("keel.toml")).unwrap();
    std::fs::write(folder.path().join("keel.toml"), text.replace("exec python3", "touch started; exec python3"))
        .unwrap();
    let output = keel(folder.path(), &["--list"]);
    let told = out(&output);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    for words in [
        "probes, about",
        "Nothing has been started.",
        "call.cpu-bulkhead `heavy = true` on the request that computes longest",
        "not applicable",
        "ship.make `repository = \".\"`",
    ] {
        let plain = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains(words), "{words:?} is not in\n{told}");
    }
    assert!(!folder.path().join("started").exists());
    let listed: serde_json::Value =
        serde_json::from_str(&out(&keel(folder.path(), &["--list", "--only", "call.*", "--format", "json"]))).unwrap();
    let probes = listed["probes"].as_array().unwrap();
    assert!(
        !probes.is_empty() && probes.iter().all(|probe| probe["id"].as_str().unwrap().starts_with("call.")),
        "{listed}"
    );
    assert_eq!(keel(folder.path(), &["--list", "--format", "html"]).status.code(), Some(2));
}

#[test]
fn mistakes_in_the_arguments_are_reported_before_anything_is_started() {
    let folder = folder("");
    std::fs::write(folder.path().join("other.json"), "{}").unwrap();
    for (arguments, words) in [
        (&["--only", "cal.*"][..], "no attribute matches \"cal.*\". Did you mean call.*"),
        (&["--only", "plan.*"], "this version has no probe for plan."),
        (&["--only", "border.limit,web.header"], "Did you mean web.headers"),
        (&["--fail-on", "new"], "pass --baseline REPORT.json"),
        (&["--baseline", "nowhere.json"], "nowhere.json: "),
        (&["--baseline", "other.json"], "other.json: missing field"),
        (&["--chapter", "sea"], "there is no chapter \"sea\""),
        (&["--strict", "--fail-on", "new"], "cannot be used with"),
    ] {
        let output = keel(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", err(&output));
        assert!(err(&output).contains(words), "{arguments:?}: {}", err(&output));
        assert_eq!(out(&output), "");
    }
}

#[test]
fn an_unfilled_template_is_reported_with_its_place() {
    let folder =
        folder("[[requests]]\nname = \"one\"\nmethod = \"POST\"\npath = \"/\"\njson = { a = \"{nothere}\" }\n");
    let output = keel(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("keel.toml:11: nothing before this saves {nothere}"), "{}", err(&output));
}

#[test]
fn the_completion_script_of_each_shell_knows_the_commands_and_flags() {
    for shell in ["bash", "zsh", "fish"] {
        let output = Command::new(env!("CARGO_BIN_EXE_keel")).args(["completions", shell]).output().unwrap();
        let script = out(&output);
        assert_eq!(output.status.code(), Some(0));
        for words in ["check", "fail-on", "completions"] {
            assert!(script.contains(words), "{shell}: {words}");
        }
    }
    assert_eq!(
        Command::new(env!("CARGO_BIN_EXE_keel")).args(["completions", "tcsh"]).output().unwrap().status.code(),
        Some(2)
    );
}

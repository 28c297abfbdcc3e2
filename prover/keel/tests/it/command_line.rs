//! keel as a user meets it: what it prints, and its exit codes.

use std::path::Path;
use std::process::{Command, Output};

fn keel(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_keel")).args(arguments).current_dir(folder.path()).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn expect(arguments: &[&str], code: i32, words: &[&str]) {
    let output = keel(arguments);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
    for word in words {
        assert!(told.contains(word), "{word:?} is not in what {arguments:?} says:\n{told}");
    }
    assert!(!told.contains("panicked") && !told.contains("stack backtrace"), "{told}");
}

#[test]
fn an_attribute_is_explained() {
    expect(&["explain", "call.timeout"], 0, &["call.timeout", "Why", "Proof", "Mend", "S0"]);
    expect(&["explain", "access.mfa"], 0, &["Planned   TOTP and WebAuthn", "no probe in this version"]);
}

#[test]
fn the_clauses_of_a_statement_are_explained_with_their_controls() {
    expect(&["explain", "border.shed"], 0, &["Clauses", "retry-after: Retry-After", "goodput: at many times capacity"]);
    expect(&["explain", "web.csrf"], 0, &["web.csrf"]);
}

#[test]
fn an_attribute_without_a_probe_cannot_be_asked_for() {
    let check = ["check", "--run", "true", "--url", "http://127.0.0.1:1", "--only"];
    for id in ["access.mfa", "plan.cost"] {
        expect(&[&check[..], &[id]].concat(), 2, &["no probe for", id]);
    }
}

#[test]
fn the_files_of_every_attribute_with_a_probe_are_where_explain_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for probe in keel_checklist::probes::all() {
        let printed = told(&keel(&["explain", probe.id, "--sources"]));
        let sources: Vec<(&str, &str)> = printed.lines().map(|line| line.split_once(' ').unwrap()).collect();
        let parts: Vec<&str> = sources.iter().map(|(part, _)| *part).collect();
        assert_eq!(parts[..2], ["Text", "Probe"], "{printed}");
        for (part, path) in sources {
            let (path, line) = path.trim().split_once(':').unwrap_or((path.trim(), ""));
            let text = std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            if part == "Text" {
                let line = text.lines().nth(line.parse::<usize>().unwrap() - 1);
                assert_eq!(line, Some(format!("id = \"{}\"", probe.id).as_str()), "{printed}");
            }
        }
    }
}

#[test]
fn an_unknown_attribute_is_refused_with_those_that_look_like_it() {
    expect(&["explain", "border.limit"], 2, &["border.limits", "keel list"]);
    expect(&["check", "--run", "true", "--url", "http://127.0.0.1:1", "--only", "web.header"], 2, &["web.headers"]);
}

#[test]
fn the_catalogue_is_listed_by_chapter() {
    expect(&["list", "--chapter", "web"], 0, &["web.headers", "web.tls"]);
    expect(&["list", "--chapter", "sea"], 2, &["\"sea\"", "border"]);
}

#[test]
fn nothing_to_examine_says_how_to_name_something() {
    expect(&["check"], 2, &["keel.toml", "--run", "--url"]);
}

#[test]
fn a_broken_file_is_reported_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keel.toml");
    std::fs::write(&path, "[service]\nrun = \"true\"\nurl = \"http://127.0.0.1:1\"\nport = 1\n").unwrap();
    expect(
        &["check", "--config", path.to_str().unwrap()],
        2,
        &["keel.toml", ":4: unknown field `port`", "Known here: name, run"],
    );
    expect(&["check", "--config", "nowhere.toml"], 2, &["nowhere.toml"]);
}

#[test]
fn a_service_that_does_not_start_is_reported_with_its_last_output() {
    let run = "sh -c \"echo the reason >&2; exit 7\"";
    expect(&["check", "--run", run, "--url", "http://127.0.0.1:9"], 3, &["exit code 7", "the reason"]);
}

#[test]
fn a_url_that_cannot_be_called_is_refused() {
    let over_tls = ["check", "--run", "true", "--url", "https://127.0.0.1:1"];
    expect(&over_tls, 2, &["called over TLS", "--ca", "--pin", "--insecure-accept-any-certificate"]);
    let nowhere = ["--ca", "nowhere.pem"];
    expect(&[&over_tls[..], &nowhere].concat(), 2, &["nowhere.pem cannot be read"]);
    let elsewhere = ["check", "--attach", "--url", "https://192.0.2.1", "--insecure-accept-any-certificate"];
    expect(&elsewhere, 2, &["is for a service on this machine"]);
    expect(&["check", "--attach", "--run", "true", "--url", "http://127.0.0.1:1"], 2, &["cannot be used with"]);
    expect(&["check", "--run", "true", "--url", "127.0.0.1:1"], 2, &["expected http://HOST:PORT"]);
}

#[test]
fn probes_that_cannot_run_on_an_attached_service_are_listed_before_the_run() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let _ = std::io::Read::read(&mut connection, &mut [0; 4096]);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
            let _ = std::io::Write::write_all(&mut connection, answer);
        }
    });
    let attached = ["check", "--attach", "--url", &url, "--only", "life.drain,see.logs,web.robots"];
    expect(&attached, 1, &["not examined: life.drain", "neither started nor stopped", "not examined: see.logs"]);
}

#[test]
fn the_help_of_drill_names_chaos_toolkit_only_where_it_is_built_in() {
    let help = told(&keel(&["drill", "--help"]));
    assert_eq!(help.contains("Chaos Toolkit"), cfg!(feature = "chaos-toolkit"), "{help}");
    assert_eq!(help.contains("--hypothesis-strategy"), cfg!(feature = "chaos-toolkit"), "{help}");
}

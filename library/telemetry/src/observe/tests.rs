//! The generated files, by promtool where it is installed (`sh .ci/install prometheus`).

use std::num::NonZeroU32;
use std::process::Command;
use std::time::Duration;

use super::*;
use crate::objectives::{Objective, slos};

const TESTS: [&str; 2] = ["rules_page_test.yml", "rules_ticket_test.yml"];

const REAL: NonZeroU32 = NonZeroU32::MIN;

fn two() -> Vec<Slo> {
    slos(&[Objective::route("POST /transfers").availability(99.95).p99(Duration::from_millis(200))]).unwrap()
}

fn text_of<'f>(files: &'f [OpsFile], path: &str) -> &'f str {
    &files.iter().find(|file| file.path == path).unwrap().text
}

/// Runs promtool on the files in a folder of their own; returns its output where it fails.
fn promtool(files: &[OpsFile], arguments: &[&str]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    for file in files.iter().filter(|file| file.is_generated) {
        std::fs::write(folder.path().join(&file.path), &file.text).unwrap();
    }
    let run = Command::new("promtool").args(arguments).current_dir(folder.path()).output();
    let run = run.expect("promtool is there: install Debian's prometheus by `sh .ci/install prometheus`");
    let output = [run.stdout, run.stderr].concat();
    if run.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output).into_owned()) }
}

/// Checks the rules of an objective of this percentage, and runs their tests.
fn accepted(percent: f64, min_bad: u32) {
    let objective = Objective::route("GET /a/{id}").availability(percent).min_bad(min_bad, 2);
    checked(&slos(&[objective]).unwrap());
}

fn checked(slos: &[Slo]) {
    let files = files("ledger", slos, "playbooks", REAL).unwrap();
    promtool(&files, &["check", "rules", "rules.yml"]).unwrap();
    for tests in TESTS {
        promtool(&files, &["test", "rules", tests]).unwrap_or_else(|output| panic!("{slos:?}: {output}"));
    }
}

/// Runs the tests of rules in which a text is replaced.
fn refused(right: &str, wrong: &str, tests: &str) {
    let mut files = files("ledger", &two()[..1], "playbooks", REAL).unwrap();
    let rules = files.iter_mut().find(|file| file.path == "rules.yml").unwrap();
    assert!(rules.text.contains(right), "{right}");
    rules.text = rules.text.replace(right, wrong);
    promtool(&files, &["test", "rules", tests]).expect_err(wrong);
}

#[test]
fn promtool_accepts_the_rules_and_their_tests() {
    accepted(99.95, 5);
}

#[test]
fn rules_for_a_rehearsal_have_windows_and_waits_that_are_shorter_by_the_factor() {
    let files = files("ledger", &two(), "playbooks", NonZeroU32::new(60).unwrap()).unwrap();
    promtool(&files, &["check", "rules", "rules.yml"]).unwrap();
    let rules = text_of(&files, "rules.yml");
    for expected in ["slo:sli_error:ratio_rate5s", "[1m]", "for: 15s", "slo:sli_error:ratio_rate12h"] {
        assert!(rules.contains(expected), "{expected} is not in {rules}");
    }
    let routes = text_of(&files, "alertmanager.example.yml");
    assert!(routes.contains("repeat_interval: 1m\n") && routes.contains("group_interval: 5s\n"), "{routes}");
}

#[test]
fn a_page_waits_until_the_objectives_of_one_outage_have_fired() {
    let wait_of = |percents: &[f64]| {
        let objective = |(number, percent)| Objective::route(format!("/{number}")).availability(percent);
        let objectives: Vec<_> = percents.iter().copied().enumerate().map(objective).collect();
        let files = files("ledger", &slos(&objectives).unwrap(), "playbooks", REAL).unwrap();
        let routes = text_of(&files, "alertmanager.example.yml");
        let (_, page) = routes.split_once("receiver: page\n").unwrap();
        let (_, wait) = page.split_once("group_wait: ").unwrap();
        wait.lines().next().unwrap().to_owned()
    };
    // All fire at once: an interval of evaluation is enough.
    assert_eq!(wait_of(&[99.9, 99.9]), "1m");
    // 14.4 * 0.0005 h = 26 s and 14.4 * 0.001 h = 52 s.
    assert_eq!(wait_of(&[99.95, 99.9]), "86s");
    assert_eq!(wait_of(&[99.99, 95.0]), "5m");
}

#[test]
#[ignore = "long: several runs of promtool"]
fn promtool_accepts_the_rules_and_their_tests_of_uncommon_targets() {
    checked(&two());
    for (percent, min_bad) in [(99.999, 50), (99.0, 5), (93.0, 5), (84.0, 1)] {
        accepted(percent, min_bad);
    }
}

#[test]
fn the_tests_of_the_rules_fail_for_another_factor() {
    refused("(14.4 * ", "(40 * ", TESTS[0]);
}

#[test]
#[ignore = "long: several runs of promtool"]
fn the_tests_of_the_rules_fail_for_other_factors_and_for_windows_that_are_swapped() {
    refused("(6 * ", "(2 * ", TESTS[0]);
    refused("max(slo:sli_error:ratio_rate5m{", "max(slo:sli_error:ratio_rate6h{", TESTS[0]);
    refused("(3 * ", "(1.5 * ", TESTS[1]);
    refused("(1 * ", "(0.4 * ", TESTS[1]);
}

#[test]
fn an_alert_has_an_owner_a_severity_and_a_playbook_that_is_among_the_files() {
    let files = files("ledger", &two(), "https://example.org/playbooks/", REAL).unwrap();
    let rules = text_of(&files, "rules.yml");
    for (alert, severity) in [
        ("LedgerPostTransfersAvailabilityBurn", "page"),
        ("LedgerPostTransfersLatencySlowBurn", "ticket"),
        ("LedgerAbsent", "page"),
        ("LedgerWatchdog", "none"),
    ] {
        let (_, rule) = rules.split_once(&format!("alert: {alert}\n")).unwrap();
        let rule = rule.split("- alert:").next().unwrap();
        assert!(rule.contains(&format!("severity: \"{severity}\"")) && rule.contains("owner: \"ledger\""), "{rule}");
        assert!(rule.contains(&format!("https://example.org/playbooks/{alert}.md")), "{rule}");
        assert!(text_of(&files, &format!("playbooks/{alert}.md")).contains("## First look"));
    }
}

#[test]
fn more_than_ten_alerts_are_refused() {
    let objectives = ["/a", "/b", "/c", "/d", "/e"].map(|route| Objective::route(route).availability(99.9));
    let error = files("ledger", &slos(&objectives).unwrap(), "playbooks", REAL).unwrap_err().to_string();
    assert!(error.contains("12 alerts") && error.contains("without_alerts"), "{error}");
    let objectives = objectives.map(Objective::without_alerts);
    assert!(files("ledger", &slos(&objectives).unwrap(), "playbooks", REAL).is_ok());
}

#[test]
fn the_dashboard_is_json_whose_queries_name_series_of_the_rules_or_of_the_service() {
    let files = files("ledger", &two(), "playbooks", REAL).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(text_of(&files, "dashboard.json")).unwrap();
    let rules = text_of(&files, "rules.yml");
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expr = target["expr"].as_str().unwrap();
            let recorded = expr.split('{').next().unwrap();
            assert!(expr.contains("objective_") || rules.contains(&format!("record: {recorded}\n")), "{expr}");
        }
    }
    assert_eq!(text_of(&files, "openslo.yml").matches("kind: SLO").count(), 2);
}

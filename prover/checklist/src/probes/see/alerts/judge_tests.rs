//! The judges of `see.alerts` on rules without a server.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use super::*;
use crate::probes::see::metrics::exposition::Scrape;

fn published() -> Published {
    let text = "# TYPE http_requests_total counter\nhttp_requests_total 3\n# TYPE queue gauge\nqueue 1\n";
    Published { scrape: Scrape::read(text).0, control: Control::declared("a scrape") }
}

fn rules(expression: &str, severity: &str) -> Rules {
    let mut rules = Rules::default();
    let labels = if severity.is_empty() { String::new() } else { format!("    labels: {{ severity: {severity} }}\n") };
    let recorded = "  - record: errors:rate\n    expr: rate(http_requests_total[5m])\n";
    let alert = format!("  - alert: A\n    expr: {expression}\n{labels}");
    rules.add(&format!("groups:\n- name: g\n  rules:\n{recorded}{alert}")).unwrap();
    rules
}

fn judged(expression: &str, severity: &str) -> Evidence {
    symptoms(&rules(expression, severity), Ok(&published())).remove(0)
}

#[test]
fn a_page_is_on_a_published_metric_of_requests_directly_or_recorded() {
    assert!(judged("http_requests_total > 1", "page").is_for());
    assert!(judged("errors:rate > 1", "critical").is_for());
    assert!(judged("rate(http_errors_total[5m]) > 1", "page").is_against(), "it is not published");
    assert!(judged("process_cpu_seconds_total > 1", "page").is_against(), "a cause");
    assert!(judged("container_memory_usage_bytes > 1", "page").is_against(), "a cause");
    assert!(!judged("queue > 1", "page").decides(), "neither a symptom nor a cause");
    assert!(judged("vector(1)", "page").is_against(), "no metric");
    assert!(judged("http_requests_total > 1", "").is_against(), "no severity");
    assert!(!judged("process_cpu_seconds_total > 1", "ticket").decides(), "a ticket may be on a cause");
    let unread = "no metrics".to_owned();
    assert!(!symptoms(&rules("http_requests_total > 1", "page"), Err(&unread))[0].decides());
}

#[test]
fn ten_alerts_are_few() {
    assert!(few(FEW).is_for());
    assert!(few(FEW + 1).is_against());
}

#[test]
fn a_playbook_is_a_file_with_more_than_a_heading() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("books")).unwrap();
    std::fs::write(folder.path().join("books/A.md"), "x".repeat(100)).unwrap();
    std::fs::write(folder.path().join("books/Empty.md"), "# Empty\n").unwrap();
    let ops = Ops { folder: folder.path().to_owned(), playbooks: Some("books".into()), ..Ops::default() };
    let judged = |ops: &Ops, link: &str| {
        let annotations = [("runbook_url".to_owned(), link.to_owned())].into();
        playbook(ops, &Alert { annotations, ..Alert::default() })
    };
    for link in ["books/A.md", "https://wiki.example/x/A", "https://wiki.example/A.md#top"] {
        assert!(judged(&ops, link).is_for(), "{link}");
    }
    for link in ["books/B.md", "https://wiki.example/B", "books/Empty.md"] {
        assert!(judged(&ops, link).is_against(), "{link}");
    }
    let unsaid = Ops { playbooks: None, ..ops.clone() };
    assert!(!judged(&unsaid, "https://wiki.example/B").decides(), "it is not fetched");
    assert!(playbook(&ops, &Alert::default()).is_against(), "no link");
}

#[test]
fn rules_are_generated_where_the_command_notices_a_changed_file() {
    let judged = |equal, notices_rules| generated(&Ok(Compared { equal, notices_rules, notices_dashboard: None }));
    assert!(judged(true, Some(true)).is_for());
    assert!(judged(false, Some(true)).is_against());
    assert!(!judged(true, Some(false)).decides(), "it notices nothing");
    assert!(!generated(&Err("no command".to_owned())).decides());
}

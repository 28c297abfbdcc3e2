//! The judges of `see.dashboards` on files without a server.

use super::*;
use crate::probes::see::metrics::exposition::Scrape;

fn published(text: &str) -> Published {
    Published { scrape: Scrape::read(text).0, control: Control::declared("a scrape") }
}

fn judged(expression: &str) -> Evidence {
    let text = "# TYPE d histogram\nd_bucket{le=\"1\"} 3\n# TYPE requests_total counter\n";
    let query = Query { panel: "one".to_owned(), expression: expression.to_owned() };
    metrics(&Rules::default(), &[query], &published(text)).remove(0)
}

#[test]
fn every_metric_of_a_panel_is_published() {
    assert!(judged("rate(d_bucket[5m])").is_for());
    assert!(judged("d").is_for(), "a native histogram has no suffix");
    assert!(judged("rate(requests_total[5m]) / up").is_for(), "a series without a value yet, and one of Prometheus");
    assert!(judged("rate(d_bucket[5m]) + renamed_total").is_against());
}

#[test]
fn a_dashboard_without_queries_shows_nothing() {
    assert!(!metrics(&Rules::default(), &[], &published("a 1\n"))[0].decides());
}

#[test]
fn files_are_generated_where_the_command_notices_each_changed_file() {
    let judged = |equal, rules, dashboard| {
        let seen = Compared { equal, notices_rules: Some(rules), notices_dashboard: Some(dashboard) };
        compared(&Ok(seen)).iter().map(|piece| (piece.is_for(), piece.is_against())).collect::<Vec<_>>()
    };
    let (holds, falls_short, gap) = ((true, false), (false, true), (false, false));
    assert_eq!(judged(true, true, true), [holds, holds]);
    assert_eq!(judged(false, true, true), [falls_short, falls_short]);
    assert_eq!(judged(true, true, false), [gap, falls_short]);
    assert_eq!(judged(true, false, true), [gap, falls_short]);
}

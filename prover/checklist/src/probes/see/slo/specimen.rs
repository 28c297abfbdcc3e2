//! Rules on objectives, beside one server.

use std::io;

use crate::clause::see::slo as clause;
use crate::probes::border::specimen::PLAIN;
use crate::probes::see::specimen::{Flaw, tell};
use crate::selftest::stage::Stage;
use crate::specimen::{Server, Specimen};
use crate::subject::{Ops, Subject};

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("slo-good", |port| tell(Flaw::None, port))
        .holds("records the share of failures in four windows, and pages on two pairs of them"),
    Server::new("slo-unrecorded", |port| tell(Flaw::None, port))
        .holds("compares the shares of good requests in its alerts, without recording rules"),
    Server::new("slo-blind-check", |port| tell(Flaw::None, port))
        .holds_but_for(&[clause::DECLARED], "its check compares nothing"),
    Server::new("slo-other-route", |port| tell(Flaw::None, port)).holds_but_for(
        &[clause::BUDGETS, clause::ALERTS, clause::MEASURED],
        "has an objective of a route of which no request can be made to fail",
    ),
    Server::new("slo-one-window", |port| tell(Flaw::None, port))
        .falls_short("pages on one window of an hour, and goes on paging after the repair")
        .liar(),
    Server::new("slo-same-window", |port| tell(Flaw::None, port))
        .falls_short("pages on two windows that are both long, and goes on paging after the repair")
        .liar(),
    Server::new("slo-impossible", |port| tell(Flaw::None, port))
        .falls_short("pages on a burn rate that no outage reaches")
        .liar(),
    Server::new("slo-loses-failures", |port| tell(Flaw::LosesFailures, port))
        .falls_short("counts every second failure")
        .liar(),
    Server::new("slo-no-ticket", |port| tell(Flaw::None, port)).falls_short("has no alert for a slow burn"),
    Server::new("slo-no-budget", |port| tell(Flaw::None, port)).falls_short("tells no error budget"),
    Server::new("slo-always", |port| tell(Flaw::None, port)).falls_short("pages without failures"),
    Server::new("slo-by-hand", |port| tell(Flaw::None, port)).falls_short("has a target that was changed by hand"),
    PLAIN.is_unknown("has no rules that are declared"),
];

/// The share of bad requests in a window.
fn ratio(window: &str) -> String {
    let count = |status: &str| format!("sum(rate(http_requests_total{{route=\"/price\"{status}}}[{window}]))");
    format!("{} / {}", count(",status=~\"5..\""), count(""))
}

/// The same from the good ones.
fn ratio_of_good(window: &str) -> String {
    let count = |status: &str| format!("sum(rate(http_requests_total{{route=\"/price\"{status}}}[{window}]))");
    format!("(1 - {} / {})", count(",status!~\"5..\""), count(""))
}

const WINDOWS: [&str; 6] = ["5m", "30m", "1h", "2h", "6h", "1d"];

fn recorded() -> String {
    let rule = |window: &&str| format!("  - record: price:errors:ratio_rate{window}\n    expr: {}\n", ratio(window));
    WINDOWS.iter().map(rule).collect()
}

/// An alert on a pair of windows.
fn alert(name: &str, severity: &str, expression: &str) -> String {
    format!("  - alert: {name}\n    expr: {expression}\n    labels: {{ severity: {severity} }}\n")
}

fn pair(short: &str, long: &str, factor: &str) -> String {
    let above = |window: &str| format!("price:errors:ratio_rate{window} > ({factor} * 0.001)");
    format!("({} and {})", above(short), above(long))
}

/// Writes the rules of a specimen, and declares them.
///
/// # Errors
/// When they cannot be written.
pub(crate) fn declare(name: &str, subject: &mut Subject, stage: &Stage) -> io::Result<()> {
    let mut page = format!("{} or {}", pair("5m", "1h", "14.4"), pair("30m", "6h", "6"));
    let mut ticket = alert("PriceSlowBurn", "ticket", &pair("2h", "1d", "3"));
    let mut budget = "  - record: price:error_budget_left:ratio\n    expr: 1 - price:errors:ratio_rate1d / 0.001\n";
    let (mut records, mut check) = (recorded(), "cmp -s {folder}/rules.yml generated/rules.yml");
    match name {
        "slo-unrecorded" => {
            let above = |window: &str, factor: f64| format!("{} > {factor} * 0.001", ratio_of_good(window));
            page = format!("{} and on() {}", above("5m", 14.4), above("1h", 14.4));
            ticket = alert("PriceSlowBurn", "ticket", &format!("{} and {}", above("2h", 3.0), above("1d", 3.0)));
        }
        "slo-blind-check" => check = "test -d {folder}",
        "slo-other-route" => {
            records = records.replace("/price", "/");
        }
        "slo-one-window" => page = "price:errors:ratio_rate1h > (14.4 * 0.001)".to_owned(),
        "slo-same-window" => page = pair("1h", "2h", "14.4"),
        "slo-impossible" => page = pair("5m", "1h", "1440"),
        "slo-no-ticket" => ticket = String::new(),
        "slo-no-budget" => budget = "",
        "slo-always" => page = "price:errors:ratio_rate5m >= 0 and price:errors:ratio_rate1h >= 0".to_owned(),
        _ => {}
    }
    let page = alert("PriceBurn", "page", &page);
    let rules =
        format!("groups:\n- name: recorded\n  rules:\n{records}{budget}- name: alerts\n  rules:\n{page}{ticket}");
    let write = |folder: &str, rules: &str| {
        let folder = stage.folder.join(folder);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("rules.yml"), rules)
    };
    write("generated", &rules)?;
    write("ops", &if name == "slo-by-hand" { rules.replace("0.001", "0.002") } else { rules })?;
    subject.workdir.clone_from(&stage.folder);
    subject.metrics = Some("/metrics".to_owned());
    subject.ops = Some(Ops {
        folder: stage.folder.join("ops"),
        rules: vec!["rules.yml".into()],
        dashboards: Vec::new(),
        autoscale: Vec::new(),
        playbooks: None,
        check: Some(check.to_owned()),
    });
    Ok(())
}

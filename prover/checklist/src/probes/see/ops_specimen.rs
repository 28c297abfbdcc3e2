//! The files of operation of specimens, which are all the server `see-good`.

use std::io;

use crate::probes::see::specimen::{Flaw, tell};
use crate::selftest::stage::Stage;
use crate::specimen::Server;
use crate::subject::{Ops, Subject};

pub(crate) const GOOD: Server = Server::new("ops-good", |port| tell(Flaw::None, port));
pub(crate) const BLIND: Server = Server::new("ops-blind-check", |port| tell(Flaw::None, port));

const RECORDED: &str = "- name: recorded
  rules:
  - record: job:errors:ratio_rate5m
    expr: sum(rate(http_requests_total{status=~\"5..\"}[5m])) / sum(rate(http_requests_total[5m]))
";
const EXPRESSION: &str = "job:errors:ratio_rate5m > 0.01";
const PANEL: &str = "sum by (route) (rate(http_requests_total[$__rate_interval]))";
/// Compares the rules and the dashboard with those that were generated.
const CHECK: &str =
    "cmp -s {folder}/rules.yml generated/rules.yml && cmp -s {folder}/dashboard.json generated/dashboard.json";

/// An alert of a rule file.
fn alert(name: &str, expression: &str, severity: &str, link: &str) -> String {
    format!(
        "  - alert: {name}\n    expr: {expression}\n    labels: {{ severity: {severity}, owner: shop }}\n    \
         annotations: {{ runbook_url: {link} }}\n"
    )
}

/// Writes the files of a specimen, and declares them.
///
/// # Errors
/// When they cannot be written.
pub(crate) fn declare(name: &str, subject: &mut Subject, stage: &Stage) -> io::Result<()> {
    let errors = |expression| alert("Errors", expression, "page", "playbooks/Errors.md");
    let (mut alerts, mut panel, mut check) = (errors(EXPRESSION), PANEL, CHECK);
    match name {
        "ops-elsewhere" => {
            let ratio = "sum(rate(http_request_duration_seconds_count[5m])) < 1 or up == 0";
            alerts = alert("Errors", ratio, "critical", "https://wiki.example/playbooks/Errors#first-look");
        }
        "ops-cpu" => alerts = errors("rate(process_cpu_seconds_total[5m]) > 0.9"),
        "ops-renamed" => alerts = errors("rate(http_request_errors_total[5m]) > 1"),
        "ops-many" => alerts = (0..11).map(|_| errors(EXPRESSION)).collect(),
        "ops-no-playbook" => alerts += &alert("Slow", EXPRESSION, "ticket", "playbooks/Slow.md"),
        "ops-renamed-panel" => panel = "sum(rate(http_server_requests_total[5m]))",
        "ops-blind-check" => check = "test -d {folder}",
        "ops-blind-to-dashboards" => check = "cmp -s {folder}/rules.yml generated/rules.yml",
        _ => {}
    }
    let rules = format!("groups:\n{RECORDED}- name: alerts\n  rules:\n{alerts}");
    let dashboard =
        serde_json::json!({ "panels": [{ "title": "Requests", "targets": [{ "expr": panel }] }] }).to_string();
    let playbook = "# Errors\n\nUsers get errors. Look at the last deploy first.\n";
    let write = |folder: &str, rules: &str| {
        let folder = stage.folder.join(folder);
        std::fs::create_dir_all(folder.join("playbooks"))?;
        std::fs::write(folder.join("rules.yml"), rules)?;
        std::fs::write(folder.join("dashboard.json"), &dashboard)?;
        std::fs::write(folder.join("playbooks/Errors.md"), playbook)
    };
    write("generated", &rules)?;
    let by_hand = if name == "ops-by-hand" { rules.replace("0.01", "0.05") } else { rules };
    write("ops", &by_hand)?;
    subject.workdir.clone_from(&stage.folder);
    subject.metrics = Some("/metrics".to_owned());
    subject.requests =
        vec![crate::subject::RequestSpec { name: "GET /".into(), path: "/".into(), ..Default::default() }];
    subject.ops = Some(Ops {
        folder: stage.folder.join("ops"),
        rules: vec!["rules.yml".into()],
        dashboards: vec!["dashboard.json".into()],
        autoscale: Vec::new(),
        playbooks: Some("playbooks".into()),
        check: Some(check.to_owned()),
    });
    Ok(())
}

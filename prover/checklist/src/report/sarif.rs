//! An examination as SARIF 2.1.0, the format of code scanning.
//!
//! A result is an attribute that falls short, or one with a decision against it (then it is suppressed): viewers show every result as
//! an alert. Unknown attributes are notifications of the run. The rules are the catalogue's attributes that the report has.

use keel_catalogue::Catalogue;
use serde_json::{Value, json};

use super::content::{Examined, Report};
use super::format::{FileFlag, Format, Look};
use super::safe::{plain, visible};
use super::words::{mark, told};
use crate::finding::{Bearing, Verdict};

pub(super) const FORMAT: Format = Format {
    name: "sarif",
    file: Some(FileFlag { extension: "sarif", help: "Also write the report as SARIF 2.1.0, for code scanning" }),
    render: text,
};

/// The whole report.
fn text(report: &Report, _: Look) -> String {
    let place = |id: &str| report.findings.iter().position(|examined| examined.finding.id() == id).unwrap_or_default();
    let is_result = |verdict: Verdict| matches!(verdict, Verdict::FallsShort | Verdict::DecidedAgainst);
    let results = report.findings.iter().filter(|examined| is_result(examined.finding.verdict()));
    let results: Vec<Value> = results.map(|examined| result(report, examined, place(examined.finding.id()))).collect();
    let unknown = report.findings.iter().filter(|examined| examined.finding.verdict() == Verdict::Unknown);
    let notifications: Vec<Value> = unknown
        .map(|examined| {
            let finding = &examined.finding;
            json!({
                "level": "note",
                "message": { "text": format!("{} is unknown: {}", finding.id(), plain(finding.summary())) },
                "associatedRule": { "id": finding.id(), "index": place(finding.id()) },
            })
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "keel",
                "version": report.keel,
                "rules": report.findings.iter().map(rule).collect::<Vec<_>>(),
            } },
            "automationDetails": { "id": format!("keel/{}/", plain(&report.subject)) },
            "invocations": [{
                "executionSuccessful": !report.interrupted,
                "startTimeUtc": report.started,
                "exitCode": report.exit_code,
                "toolExecutionNotifications": notifications,
            }],
            "columnKind": "unicodeCodePoints",
            "properties": { "score": report.score, "url": report.url },
            "results": results,
        }],
    });
    // Plain data with text keys: it always serialises.
    serde_json::to_string_pretty(&log).unwrap_or_default() + "\n"
}

/// An attribute as a rule.
fn rule(examined: &Examined) -> Value {
    let id = examined.finding.id();
    let attribute = Catalogue::embedded().get(id);
    let why = attribute.map_or("", |attribute| attribute.why.as_str());
    let mend = attribute.map_or("", |attribute| attribute.mend.as_str());
    json!({
        "id": id,
        "shortDescription": { "text": examined.statement },
        "fullDescription": { "text": if why.is_empty() { &examined.statement } else { why } },
        "help": { "text": format!("{mend}\nkeel explain {id}").trim_start() },
        "defaultConfiguration": { "level": "error" },
        "properties": { "tags": [examined.chapter] },
    })
}

fn result(report: &Report, examined: &Examined, index: usize) -> Value {
    let finding = &examined.finding;
    let against = finding.evidence().iter().filter(|piece| piece.bearing() != Bearing::For);
    let evidence: Vec<String> =
        against.map(|piece| format!("{} {}", mark(piece.bearing()), visible(&told(piece)))).collect();
    let mut result = json!({
        "ruleId": finding.id(),
        "ruleIndex": index,
        "kind": "fail",
        "level": "error",
        "message": { "text": format!("{}\n{}", plain(finding.summary()), evidence.join("\n")).trim_end() },
        "locations": [location(report)],
        "partialFingerprints": { "attribute/v1": format!("{}/{}", plain(&report.subject), finding.id()) },
    });
    if finding.verdict() == Verdict::DecidedAgainst {
        let decision = plain(finding.summary());
        result["suppressions"] = json!([{ "kind": "external", "status": "accepted", "justification": decision }]);
    }
    result
}

/// The service, and the file that declares it: a viewer needs a file to show an alert at.
fn location(report: &Report) -> Value {
    let mut location = json!({
        "logicalLocations": [{ "name": plain(&report.subject), "fullyQualifiedName": report.url, "kind": "resource" }],
    });
    if let Some(config) = &report.config {
        location["physicalLocation"] =
            json!({ "artifactLocation": { "uri": uri(config) }, "region": { "startLine": 1 } });
    }
    location
}

/// A path as a URI reference: what is no plain letter of a path is percent-encoded.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let encoded: String = path
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    if encoded.starts_with('/') { format!("file://{encoded}") } else { encoded }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;
    use crate::report::sample;

    fn log() -> Value {
        serde_json::from_str(&text(&sample::compared(), Look::default())).unwrap()
    }

    #[test]
    fn the_log_has_the_shape_of_sarif() {
        let schema =
            jsonschema::validator_for(&serde_json::from_str(include_str!("sarif.schema.json")).unwrap()).unwrap();
        let log = log();
        let wrong: Vec<String> =
            schema.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let mut broken = log;
        broken["runs"][0]["results"][0]["level"] = json!("fatal");
        assert!(!schema.is_valid(&broken), "the schema can fail");
    }

    #[test]
    fn only_what_falls_short_or_is_decided_against_is_a_result_and_the_second_is_suppressed() {
        let log = log();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let ids: Vec<&str> = results.iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
        assert_eq!(ids, ["border.problem", "plan.cost"]);
        assert!(results[0].get("suppressions").is_none());
        assert_eq!(results[1]["suppressions"][0]["status"], "accepted");
        let notes = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
        assert_eq!(notes.len(), 1);
        assert!(notes[0]["message"]["text"].as_str().unwrap().starts_with("life.start is unknown"), "{notes:#?}");
    }

    #[test]
    fn each_result_names_its_rule_by_its_place_too() {
        let log = log();
        let run = &log["runs"][0];
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
    }

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(uri("./services/my keel.toml"), "services/my%20keel.toml");
        assert_eq!(uri("/srv/keel.toml"), "file:///srv/keel.toml");
    }
}

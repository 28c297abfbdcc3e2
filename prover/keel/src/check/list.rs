//! `keel check --list`: what would be examined. Nothing is started.

use std::fmt::Write;
use std::time::Duration;

use keel_checklist::forecast::{Forecast, Reach};
use keel_checklist::report::plain;
use keel_checklist::subject::Subject;
use keel_input::credentials;
use serde_json::json;

use super::tell::about;

/// The reaches in the order in which they are listed, each with an explanation.
const REACHES: [(Reach, &str); 4] = [
    (Reach::Whole, "nothing that they need is missing in the declaration"),
    (Reach::Part, "some clauses will be unknown until this is declared"),
    (Reach::Unknown, "these will be unknown until this is declared"),
    (Reach::NotApplicable, "by the declaration these do not apply"),
];

/// The list for people; `left_out` are not examined in this profile, and `attested` attributes are judged by decisions alone.
pub(super) fn text(subject: &Subject, forecasts: &[Forecast], left_out: &[&str], attested: usize) -> String {
    let mut text = format!("{}  {}\n", plain(&subject.name), credentials::shown(&subject.url));
    let whole = about(forecasts.iter().map(|forecast| forecast.takes).sum());
    let _ = writeln!(text, "{} probes, {whole}. Nothing has been started.", forecasts.len());
    for (reach, explanation) in REACHES {
        let group: Vec<&Forecast> = forecasts.iter().filter(|forecast| forecast.reach == reach).collect();
        if group.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{} ({}): {explanation}", reach.word(), group.len());
        for forecast in group {
            let takes = if forecast.takes.is_zero() { String::new() } else { seconds(forecast.takes) };
            let lacks: Vec<&str> = forecast.lacks.iter().map(|need| need.declare()).collect();
            let line = format!("  {:<22} {takes:>6}  {}", forecast.id, lacks.join("; "));
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    if !left_out.is_empty() {
        let _ = writeln!(text, "\nleft out by --profile quick ({}): {}", left_out.len(), left_out.join(", "));
    }
    if attested > 0 {
        let _ = writeln!(text, "\n{attested} more are judged by the decisions of people.");
    }
    text
}

/// The same for programs.
pub(super) fn json(subject: &Subject, forecasts: &[Forecast], left_out: &[&str]) -> String {
    let probe = |forecast: &Forecast| {
        json!({
            "id": forecast.id,
            "reach": forecast.reach.word(),
            "lacks": forecast.lacks.iter().map(|need| need.declare()).collect::<Vec<_>>(),
            "seconds": forecast.takes.as_secs(),
        })
    };
    let list = json!({
        "subject": subject.name,
        "url": credentials::shown(&subject.url),
        "seconds": forecasts.iter().map(|forecast| forecast.takes).sum::<Duration>().as_secs(),
        "left_out": left_out,
        "probes": forecasts.iter().map(probe).collect::<Vec<_>>(),
    });
    format!("{list:#}\n")
}

/// Whole seconds, at least one.
fn seconds(takes: Duration) -> String {
    format!("~{:.0} s", takes.as_secs_f64().ceil())
}

//! Reads a decisions file; its form is shown in [`crate::decision`].

use std::collections::HashSet;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use keel_catalogue::{Catalogue, Kind};
use keel_input::diagnostics::{Mistakes, Reading};

use super::record::{Decision, DecisionKind};
use crate::calendar::Day;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    decision: Vec<Spanned<Written>>,
}

/// A decision as it is written: what is missing is told by us, with what it is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Id of the attribute (`keel list`).
    /// Required.
    /// Example: `id = "border.shed"`
    id: Spanned<String>,
    /// `"skip"` postpones the attribute; `"attest"` states that people hold it, for attributes that no probe can examine.
    /// Required.
    /// Example: `kind = "skip"`
    kind: Spanned<String>,
    /// Responsible person or team.
    /// Required.
    /// Example: `owner = "ops@example.org"`
    owner: Option<Spanned<String>>,
    /// Reason of a skip, or the statement of an attestation (also written `statement`).
    /// Required.
    /// Example: `reason = "one client, which retries by itself"`
    #[serde(alias = "statement")]
    reason: Option<Spanned<String>>,
    /// Day of the decision.
    /// Required for `"attest"`.
    /// Example: `date = "2026-11-01"`
    date: Option<Spanned<String>>,
    /// Last day on which it counts, in UTC.
    /// Required.
    /// Example: `expires = "2027-03-01"`
    expires: Option<Spanned<String>>,
    /// A file beside this one, or a URL; a missing file is a failure of an attestation.
    /// Default: none.
    /// Example: `link = "https://example.org/adr/7"`
    link: Option<String>,
}

pub(super) fn parse(name: &str, text: &str, catalogue: &Catalogue) -> Result<Vec<Decision>, Mistakes> {
    let mut reading = Reading::new(name, text);
    let file: File = reading.toml()?;
    let mut seen = HashSet::new();
    let mut list = Vec::new();
    for written in file.decision {
        let (whole, written) = (written.span(), written.into_inner());
        if !seen.insert(written.id.get_ref().clone()) {
            reading.wrong(&whole, format!("there is a decision on {} above: keep one", written.id.get_ref()));
        }
        list.extend(decision(&mut reading, &whole, written, catalogue));
    }
    reading.ended(Some(list))
}

fn decision(
    reading: &mut Reading<'_>,
    whole: &Range<usize>,
    written: Written,
    catalogue: &Catalogue,
) -> Option<Decision> {
    let id = written.id.get_ref();
    let kind = match written.kind.get_ref().as_str() {
        "skip" => Ok(DecisionKind::Skip),
        "attest" => Ok(DecisionKind::Attest),
        other => {
            Err(format!("kind = {other:?}: expected \"skip\" (postponed until a day) or \"attest\" (people attest it)"))
        }
    };
    let kind = reading.kept(&written.kind.span(), kind);
    known(reading, &written, kind, catalogue);
    let mut field = |value: &Option<Spanned<String>>, name: &str, purpose: &str| {
        let text = value.as_ref().map(|value| value.get_ref().trim()).filter(|text| !text.is_empty());
        if text.is_none() {
            let place = value.as_ref().map_or_else(|| whole.clone(), Spanned::span);
            reading.wrong(&place, format!("the decision on {id} has no {name}: say {purpose}"));
        }
        text.map(str::to_owned)
    };
    let owner = field(&written.owner, "owner", "which person or team is responsible");
    let reason = match kind {
        Some(DecisionKind::Attest) => field(&written.reason, "statement", "the decision, in a sentence"),
        _ => field(&written.reason, "reason", "the reason of the skip"),
    };
    field(&written.expires, "expires", "its last day, such as 2027-03-01");
    if kind == Some(DecisionKind::Attest) {
        field(&written.date, "date", "on which day it was decided, such as 2026-11-01");
    }
    let expires = day(reading, written.expires.as_ref(), "expires");
    let date = day(reading, written.date.as_ref(), "date");
    if let (Some(date), Some(expires)) = (date, expires)
        && expires < date
    {
        reading.wrong(whole, format!("the decision on {id} expires on {expires}, before its date {date}"));
    }
    Some(Decision {
        id: id.clone(),
        kind: kind?,
        owner: owner?,
        reason: reason?,
        date,
        expires: expires?,
        link: written.link,
    })
}

/// The attribute must be in the catalogue, and only what people hold can be attested.
fn known(reading: &mut Reading<'_>, written: &Written, kind: Option<DecisionKind>, catalogue: &Catalogue) {
    let id = written.id.get_ref();
    let Some(attribute) = catalogue.get(id) else {
        let near = catalogue.near(id);
        let hint = if near.is_empty() { String::new() } else { format!("did you mean {}? ", near.join(", ")) };
        return reading
            .wrong(&written.id.span(), format!("no attribute is called {id:?}: {hint}`keel list` shows all"));
    };
    if kind == Some(DecisionKind::Attest) && !attribute.kind.contains(&Kind::Attested) {
        let what =
            format!("{id} cannot be attested, because a probe can examine it; to postpone it, use `kind = \"skip\"`");
        reading.wrong(&written.kind.span(), what);
    }
}

fn day(reading: &mut Reading<'_>, written: Option<&Spanned<String>>, field: &str) -> Option<Day> {
    let written = written.filter(|written| !written.get_ref().trim().is_empty())?;
    reading.kept(&written.span(), Day::parse(written.get_ref()).map_err(|what| format!("{field} = {what}")))
}

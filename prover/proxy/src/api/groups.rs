//! `/groups`, which Toxiproxy does not have.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::Value;

use super::answer::{Answer, Refusal, empty, json};
use crate::config::{BadConfig, field, mismatch, object};
use crate::fleet::Fleet;
use crate::hold::Hold;

pub(super) fn index(fleet: &Fleet) -> Answer {
    let all: BTreeMap<String, _> = fleet.groups().into_iter().map(|group| (group.name.clone(), group)).collect();
    json(StatusCode::OK, &all)
}

/// `{"name": "databases", "proxies": ["primary", "replica"]}`.
pub(super) fn create(fleet: &Fleet, body: &[u8]) -> Result<Answer, Refusal> {
    let fields = object(body)?;
    let name = match field(&fields, "name") {
        Some(Value::String(name)) if !name.is_empty() => name.clone(),
        None | Some(Value::String(_)) => return Err(BadConfig::Missing("name".to_owned()).into()),
        Some(other) => return Err(mismatch("name", other, "a string").into()),
    };
    let proxies = match field(&fields, "proxies") {
        Some(Value::Array(proxies)) => proxies,
        None => return Err(BadConfig::Missing("proxies".to_owned()).into()),
        Some(other) => return Err(mismatch("proxies", other, "an array of names").into()),
    };
    let member =
        |proxy: &Value| proxy.as_str().map(str::to_owned).ok_or_else(|| mismatch("proxies", proxy, "a proxy's name"));
    let group = fleet.add_group(name, proxies.iter().map(member).collect::<Result<_, _>>()?)?;
    Ok(json(StatusCode::CREATED, &group))
}

pub(super) fn show(fleet: &Fleet, name: &str) -> Result<Answer, Refusal> {
    Ok(json(StatusCode::OK, &fleet.group(name)?))
}

pub(super) fn hold(fleet: &Fleet, name: &str, hold: Hold) -> Result<Answer, Refusal> {
    Ok(json(StatusCode::OK, &fleet.hold_group(name, hold)?))
}

pub(super) fn delete(fleet: &Fleet, name: &str) -> Result<Answer, Refusal> {
    fleet.remove_group(name)?;
    Ok(empty(StatusCode::NO_CONTENT))
}

//! `/proxies/{proxy}/toxics`.

use http::StatusCode;
use serde_json::{Map, Value};

use super::answer::{Answer, Refusal, empty, json};
use crate::config::{BadConfig, field, mismatch, object};
use crate::fleet::Fleet;
use crate::proxy::ToxicRefused;
use crate::toxic::{Kind, Stream, Toxic};

pub(super) fn index(fleet: &Fleet, proxy: &str) -> Result<Answer, Refusal> {
    Ok(json(StatusCode::OK, &fleet.get(proxy)?.toxics()))
}

pub(super) fn create(fleet: &Fleet, proxy: &str, body: &[u8]) -> Result<Answer, Refusal> {
    let proxy = fleet.get(proxy)?;
    let fields = object(body)?;
    let stream = text(&fields, "stream")?.unwrap_or("downstream");
    let word = text(&fields, "type")?.unwrap_or_default();
    let name = text(&fields, "name")?.filter(|name| !name.is_empty());
    let toxicity = toxicity(&fields)?.unwrap_or(1.0);
    let stream = Stream::parse(stream).ok_or_else(|| {
        Refusal::new(StatusCode::BAD_REQUEST, "stream was invalid, can be either upstream or downstream")
    })?;
    let kind = Kind::parse(word).ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "invalid toxic type"))?;
    let name = name.map_or_else(|| format!("{word}_{}", stream.word()), str::to_owned);
    if proxy.toxics().iter().any(|toxic| toxic.name == name) {
        return Err(ToxicRefused::Exists.into());
    }
    let kind = configured(&kind, &fields)?;
    let toxic = Toxic { name, stream, toxicity, kind };
    proxy.add_toxic(toxic.clone())?;
    Ok(json(StatusCode::OK, &toxic))
}

pub(super) fn show(fleet: &Fleet, proxy: &str, name: &str) -> Result<Answer, Refusal> {
    let toxics = fleet.get(proxy)?.toxics();
    let toxic = toxics.iter().find(|toxic| toxic.name == name).ok_or_else(not_found)?;
    Ok(json(StatusCode::OK, toxic))
}

/// Changes the attributes and the toxicity that are said, and leaves the rest.
pub(super) fn update(fleet: &Fleet, proxy: &str, name: &str, body: &[u8]) -> Result<Answer, Refusal> {
    let updated = fleet.get(proxy)?.update_toxic(name, |toxic| {
        let fields = object(body)?;
        toxic.kind = configured(&toxic.kind, &fields)?;
        toxic.toxicity = toxicity(&fields)?.unwrap_or(toxic.toxicity);
        Ok::<_, BadConfig>(())
    })?;
    Ok(json(StatusCode::OK, &updated.ok_or_else(not_found)?))
}

pub(super) fn delete(fleet: &Fleet, proxy: &str, name: &str) -> Result<Answer, Refusal> {
    match fleet.get(proxy)?.remove_toxic(name) {
        true => Ok(empty(StatusCode::NO_CONTENT)),
        false => Err(not_found()),
    }
}

fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "toxic not found")
}

fn configured(kind: &Kind, fields: &Map<String, Value>) -> Result<Kind, BadConfig> {
    match field(fields, "attributes") {
        None => Ok(kind.clone()),
        Some(Value::Object(attributes)) => kind.with(attributes).map_err(BadConfig::Body),
        Some(other) => Err(mismatch("attributes", other, "an object")),
    }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, BadConfig> {
    match field(fields, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(mismatch(name, other, "a string")),
    }
}

fn toxicity(fields: &Map<String, Value>) -> Result<Option<f32>, BadConfig> {
    match field(fields, "toxicity") {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64().map(|number| number as f32)),
        Some(other) => Err(mismatch("toxicity", other, "a number")),
    }
}

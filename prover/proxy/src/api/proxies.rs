//! `/proxies`, `/populate` and `/reset`.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;

use super::answer::{Answer, Refusal, empty, json};
use crate::config::{Wanted, object};
use crate::fleet::{Fleet, ProxyRefused};
use crate::proxy::Proxy;
use crate::toxic::Toxic;

/// A proxy as it is shown.
#[derive(Serialize)]
struct Shown {
    name: String,
    listen: String,
    upstream: String,
    enabled: bool,
    toxics: Vec<Toxic>,
}

impl From<&Arc<Proxy>> for Shown {
    fn from(proxy: &Arc<Proxy>) -> Self {
        Self {
            name: proxy.name().to_owned(),
            listen: proxy.listen(),
            upstream: proxy.upstream(),
            enabled: proxy.is_enabled(),
            toxics: proxy.toxics(),
        }
    }
}

pub(super) fn index(fleet: &Fleet) -> Answer {
    let all: BTreeMap<String, Shown> = fleet.all().iter().map(|(name, proxy)| (name.clone(), proxy.into())).collect();
    json(StatusCode::OK, &all)
}

pub(super) async fn create(fleet: &Fleet, body: &[u8]) -> Result<Answer, Refusal> {
    let proxy = fleet.add(&Wanted::parse(body)?).await?;
    Ok(json(StatusCode::CREATED, &Shown::from(&proxy)))
}

pub(super) fn show(fleet: &Fleet, name: &str) -> Result<Answer, Refusal> {
    Ok(json(StatusCode::OK, &Shown::from(&fleet.get(name)?)))
}

/// Changes the given fields and keeps the others; the name never changes.
pub(super) async fn update(fleet: &Fleet, name: &str, body: &[u8]) -> Result<Answer, Refusal> {
    let proxy = fleet.get(name)?;
    let now = Wanted {
        name: name.to_owned(),
        listen: proxy.listen(),
        upstream: proxy.upstream(),
        enabled: proxy.is_enabled(),
    };
    let wanted = now.with(&object(body)?)?;
    proxy.change(&wanted.listen, &wanted.upstream, wanted.enabled).await.map_err(ProxyRefused::from)?;
    Ok(json(StatusCode::OK, &Shown::from(&proxy)))
}

pub(super) async fn delete(fleet: &Fleet, name: &str) -> Result<Answer, Refusal> {
    fleet.remove(name).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn reset(fleet: &Fleet) -> Result<Answer, Refusal> {
    fleet.reset().await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Answer of `/populate`. After a failure it lists the proxies that were created before. An empty list is `null`.
#[derive(Serialize)]
struct Populated {
    #[serde(flatten)]
    refusal: Option<Refusal>,
    proxies: Option<Vec<Shown>>,
}

pub(super) async fn populate(fleet: &Fleet, body: &[u8]) -> Answer {
    let (made, refusal) = match Wanted::parse_all(body) {
        Ok(wanted) => {
            let (made, outcome) = fleet.populate(&wanted).await;
            (made, outcome.err().map(Refusal::from))
        }
        Err(bad) => (Vec::new(), Some(bad.into())),
    };
    let status = refusal.as_ref().map_or(StatusCode::CREATED, |refusal| refusal.status);
    let proxies = (!made.is_empty()).then(|| made.iter().map(Shown::from).collect());
    json(status, &Populated { refusal, proxies })
}

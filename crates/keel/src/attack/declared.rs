//! What `keel.toml` says of a service, as a target.

use checklist::lab::Lab;
use checklist::subject::RequestSpec;
use drill::attack::Target;
use drill::attack::target::{Identified, Write};
use drill::http::Request;
use http::Method;

/// Things that are made to learn what their ids look like.
const MADE: usize = 2;

/// The running service: the first GET is the harmless request, the first request with a key the one with an effect.
pub(super) async fn target(lab: &mut Lab) -> Target {
    let mut target = Target::at(lab.subject.url.clone());
    let mix = lab.mix();
    let is_get = |spec: &&RequestSpec| spec.method.is_empty() || spec.method == "GET";
    if let Some(spec) = mix.iter().find(|spec| is_get(spec) && !spec.slow && !spec.crash && spec.uses.is_empty()) {
        target.read = lab.fill(spec);
    }
    let writes = |spec: &&RequestSpec| !is_get(spec) && !spec.slow && !spec.crash && spec.uses.is_empty();
    if let Some(spec) = mix.iter().find(|spec| writes(spec) && (spec.json.is_some() || spec.body.is_some())) {
        target.body = Some(template(&lab.fill(spec), spec));
    }
    if let Some(spec) = mix.iter().filter(writes).max_by_key(|spec| spec.idempotent.is_some()) {
        target.write = Some(Write { request: template(&lab.fill(spec), spec), key: spec.idempotent.clone() });
        target.made = spec.save.values().cloned().collect();
    }
    target.identified = identified(lab, &mix).await;
    target
}

/// Keys are made afresh for each request.
fn template(filled: &Request, spec: &RequestSpec) -> Request {
    let mut request = filled.clone();
    for (name, value) in &mut request.headers {
        if spec.headers.iter().any(|(known, written)| known.eq_ignore_ascii_case(name) && written.contains("{key}")) {
            *value = "{key}".to_owned();
        }
    }
    request
}

/// Makes two things that can be read back, to see their ids.
async fn identified(lab: &Lab, mix: &[RequestSpec]) -> Option<Identified> {
    let spec = mix.iter().find(|spec| spec.read.is_some() && spec.save.len() == 1 && spec.method != "GET")?;
    let (name, pointer) = spec.save.iter().next()?;
    let path = spec.read.as_ref()?.replace(&format!("{{{name}}}"), "{id}");
    let mut ids = Vec::new();
    for _ in 0..MADE {
        let exchange = lab.http().send(lab.fill(spec)).await;
        let json = exchange.answer()?.json()?;
        let id = json.pointer(pointer)?;
        ids.push(id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    }
    let other = lab.fill(&RequestSpec { method: Method::GET.to_string(), path, ..RequestSpec::default() });
    Some(Identified { path: other.path, ids })
}

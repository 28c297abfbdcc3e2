//! Target of an attack, from the declarations of `keel.toml`.

use keel_drill::attack::Target;
use keel_drill::attack::target::{Identified, Write};
use keel_wire::http::Request;

use crate::lab::Lab;
use crate::subject::{RequestSpec, State};

/// Things that are made to learn what their ids look like.
const MADE: usize = 2;

/// Limit of an attack's effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leave {
    /// It may use requests that read.
    Read,
    /// Also the declared request with a body, distorted: that one changes nothing.
    Body,
    /// Also declared requests that have an effect.
    Effect,
}

impl Leave {
    /// Returns the limit for a declared state: effects where state is kept on purpose, bodies where there is none; the least if it is not declared.
    pub fn of(state: State) -> Self {
        match state {
            State::Durable => Self::Effect,
            State::None => Self::Body,
            State::Unsaid => Self::Read,
        }
    }
}

/// The running service: the first GET is the harmless request, the first request with a key the one with an effect.
pub async fn target(lab: &mut Lab, leave: Leave) -> Target {
    let mut target = Target::at(lab.subject.url.clone());
    target.trust = lab.subject.trust.clone();
    let mix: Vec<RequestSpec> = lab.mix().into_iter().filter(|spec| spec.uses.is_empty()).collect();
    target.read = mix.iter().find(|spec| spec.only_reads()).map_or_else(|| lab.harmless(), |spec| lab.fill(spec));
    let writes = |spec: &&RequestSpec| !spec.only_reads();
    let with_body = mix.iter().filter(writes).find(|spec| spec.json.is_some() || spec.body.is_some());
    if let Some(spec) = with_body.filter(|_| leave >= Leave::Body) {
        target.body = Some(template(&lab.fill(spec), spec));
    }
    if leave < Leave::Effect {
        return target;
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
    let spec = mix.iter().find(|spec| spec.read.is_some() && spec.save.len() == 1 && !spec.only_reads())?;
    let (name, pointer) = spec.save.iter().next()?;
    let path = spec.read.as_ref()?.replace(&format!("{{{name}}}"), "{id}");
    let mut ids = Vec::new();
    for _ in 0..MADE {
        let exchange = lab.http().send(lab.fill(spec)).await;
        let json = exchange.answer()?.json()?;
        let id = json.pointer(pointer)?;
        ids.push(id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    }
    Some(Identified { path: lab.filled_path(&path), ids })
}

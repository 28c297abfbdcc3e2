//! The mix as load: what of it can be sent again and again, at times fixed in advance.

use std::time::Duration;

use keel_input::seed::Seed;
use keel_load::profile::Profile;
use keel_load::{Kind, Plan};

use crate::lab::Lab;
use crate::subject::RequestSpec;

/// The most connections at a time.
const CONNECTIONS: usize = 512;
/// So many clients they come from, so that limits for one address do not stand for the service's capacity.
const SOURCES: u32 = 64;

/// The mix at this profile: what only reads, and what a fresh key makes harmless to repeat. What is slow or crashes on
/// purpose is left out. Its seed is another each time: a key that was sent before would be answered from memory, or refused.
/// Without a mix, the request of which every service has an answer.
pub(crate) fn plan(lab: &Lab, profile: Profile, timeout: Duration) -> Plan {
    plan_of(lab, &repeatable(lab), profile, timeout)
}

/// The same of these requests.
pub(crate) fn plan_of(lab: &Lab, specs: &[RequestSpec], profile: Profile, timeout: Duration) -> Plan {
    let mut plan = Plan::new(lab.subject.url.clone(), profile);
    plan.trust = lab.subject.trust.clone();
    plan.kinds = specs.iter().map(RequestSpec::as_load).collect();
    if plan.kinds.is_empty() {
        plan.kinds = vec![Kind::get("harmless", lab.harmless().path)];
    }
    plan.variables = lab.saved().clone();
    plan.connections = CONNECTIONS;
    plan.sources = SOURCES;
    plan.timeout = timeout;
    plan.seed = Seed::fresh();
    plan
}

/// The requests of the mix that a plan sends, in its order.
pub(crate) fn repeatable(lab: &Lab) -> Vec<RequestSpec> {
    lab.mix().into_iter().filter(may_be_repeated).collect()
}

/// The names of what the plan leaves out because it must not be sent twice.
pub(crate) fn left_out(lab: &Lab) -> Vec<String> {
    lab.mix().into_iter().filter(|spec| !may_be_repeated(spec)).map(|spec| spec.name).collect()
}

fn may_be_repeated(spec: &RequestSpec) -> bool {
    !spec.heavy && may_be_a_storm(spec)
}

/// Returns true for a request that may be sent many times, also if it computes for long.
pub(crate) fn may_be_a_storm(spec: &RequestSpec) -> bool {
    !spec.slow && !spec.crash && (spec.only_reads() || spec.idempotent.is_some())
}

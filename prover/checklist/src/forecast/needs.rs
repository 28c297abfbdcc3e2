//! The declarations that probes need. A probe that is not listed needs none.

use std::collections::BTreeSet;

use crate::probes::access::secrets;
use crate::probes::support::mix::may_be_a_storm;
use crate::subject::{Criticality, Dependencies, RequestSpec, State, Subject};

/// A declaration that a probe may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The dependencies.
    Dependencies,
    /// A request that uses one.
    Uses,
    /// A request that uses one in queued work.
    Later,
    /// A dependency that speaks plain HTTP.
    HttpDependency,
    /// A GET that uses a dependency.
    ReadThatUses,
    /// A GET that uses none.
    Bystander,
    /// The addresses of several instances.
    Many,
    /// Instances behind a name.
    Named,
    /// The requests of an operator that stop calls and let them go on.
    Trip,
    /// A GET.
    Read,
    /// Requests of different cost.
    Requests,
    /// A request with a body.
    Body,
    /// A request with a JSON body.
    Json,
    /// A request with a header that makes it safe to repeat.
    Idempotent,
    /// A request that makes something with an identifier.
    Save,
    /// A request whose effect can be read back.
    ReadBack,
    /// A list.
    List,
    /// A request that takes longer than its deadline.
    SlowOrUses,
    /// A request that computes for long.
    Heavy,
    /// A request that crashes.
    Crash,
    /// A request that is answered with a 5xx.
    ServerError,
    /// A request that can be held in flight.
    InFlight,
    /// The declaration of state.
    State,
    /// The folders of its data.
    Data,
    /// The load that it is meant to hold.
    Load,
    /// The path of its readiness.
    Ready,
    /// The variables of its environment.
    Variables,
    /// A variable that carries a credential.
    Credential,
    /// Alert rules.
    Rules,
    /// Dashboards.
    Dashboards,
    /// Manifests for automatic scaling.
    Autoscale,
    /// The repository.
    Repository,
    /// Requests of several classes.
    Classes,
    /// A request of a partition, and one that is not of it.
    Partition,
    /// A request that asks for work after its answer.
    Jobs,
    /// A request that takes records in.
    Records,
    /// The requests of operators for the quarantine.
    Quarantine,
    /// A request that makes something that expires.
    Expires,
    /// A request for work of several steps.
    Steps,
    /// A request for work that cannot be processed.
    Dead,
    /// The requests of operators for dead letters.
    DeadLetters,
    /// The interface to the live state.
    Query,
    /// The questions that name clients.
    Outliers,
    /// A request that fails, and where its report is read.
    Errors,
    /// The console of operators.
    Console,
    /// A second instance, and who leads.
    Leader,
    /// The fence of the leader.
    Fence,
    /// The damage of a row, and its alarm.
    Integrity,
    /// A change under a checksum.
    Corruption,
    /// The event log.
    Events,
    /// A projection of it.
    Projection,
    /// An event in an old form.
    Old,
}

/// A declaration by which an attribute does not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exclusion {
    /// It calls nothing.
    NoDependencies,
    /// It keeps no state.
    Stateless,
    /// It calls nothing, and no request is declared slow: no request waits.
    NothingWaits,
}

/// The needs of one probe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    id: &'static str,
    /// Without one of these the whole attribute is unknown.
    pub(super) whole: &'static [Need],
    /// Without one of these some of its clauses are.
    pub(super) part: &'static [Need],
    /// By one of these it does not apply.
    pub(super) excluded_by: &'static [Exclusion],
}

const CALLS: &[Exclusion] = &[Exclusion::NoDependencies];
const STATE: &[Exclusion] = &[Exclusion::Stateless];

const fn needs(
    id: &'static str,
    whole: &'static [Need],
    part: &'static [Need],
    excluded_by: &'static [Exclusion],
) -> Needs {
    Needs { id, whole, part, excluded_by }
}

#[rustfmt::skip]
const NEEDS: &[Needs] = {
    use Need::{
        Autoscale, Body, Bystander, Classes, Console, Corruption, Crash, Credential, Dashboards, Data, Dead, DeadLetters, Dependencies, Errors, Events, Expires, Fence, Heavy, HttpDependency, Idempotent, InFlight, Integrity, Jobs, Json, Later, Leader, List, Load, Many, Named, Old, Outliers, Partition, Projection, Quarantine, Query, Read, ReadBack, ReadThatUses, Ready, Records, Repository, Requests, Rules, Save, ServerError, SlowOrUses, State, Steps, Trip, Uses, Variables,
    };
    &[
        needs("see.metrics", &[], &[Read, Dependencies, Uses], &[]),
        needs("see.health", &[], &[Dependencies, Uses], &[]),
        needs("see.query", &[Query], &[], &[]),
        needs("see.outliers", &[Outliers], &[], &[]),
        needs("see.errors", &[Errors], &[], &[]),
        needs("see.console", &[Console], &[], &[]),
        needs("see.alerts", &[Rules], &[], &[]),
        needs("see.dashboards", &[Dashboards], &[], &[]),
        needs("see.slo", &[Rules], &[ServerError], &[]),
        needs("see.traces", &[], &[Dependencies, Uses, Later], &[]),
        needs("web.csrf", &[Body], &[], STATE),
        needs("border.limits", &[], &[Body, Json], &[]),
        needs("border.criticality", &[], &[Classes], &[]),
        needs("border.bulkhead", &[Partition], &[], &[]),
        needs("border.slow-clients", &[], &[Body], &[]),
        needs("border.deadline", &[SlowOrUses], &[Dependencies], &[Exclusion::NothingWaits]),
        needs("border.problem", &[], &[ServerError, Json], &[]),
        needs("border.idempotency", &[Idempotent], &[ReadBack], STATE),
        needs("border.pagination", &[List], &[Save], STATE),
        needs("border.unenumerable", &[Save], &[ReadBack], STATE),
        needs("border.compress", &[], &[Json], &[]),
        needs("border.validation", &[Json], &[], STATE),
        needs("call.timeout", &[Dependencies, Uses], &[], CALLS),
        needs("call.deadline", &[Dependencies, HttpDependency, Uses], &[], CALLS),
        needs("call.retry", &[Dependencies, HttpDependency, Uses], &[], CALLS),
        needs("call.retry-budget", &[Dependencies, HttpDependency, Uses], &[], CALLS),
        needs("call.breaker", &[Dependencies, HttpDependency, Uses], &[], CALLS),
        needs("call.breaker-manual", &[Dependencies, Uses, Trip], &[], CALLS),
        needs("call.bulkhead", &[Dependencies, Uses, Bystander], &[], CALLS),
        needs("call.cpu-bulkhead", &[Heavy, Bystander], &[], &[]),
        needs("call.fallback", &[Dependencies, Uses, Bystander], &[], CALLS),
        needs("call.bad-answers", &[Dependencies, Uses], &[], CALLS),
        needs("call.balance", &[Dependencies, HttpDependency, ReadThatUses, Many], &[], CALLS),
        needs("call.discovery", &[Dependencies, HttpDependency, ReadThatUses, Named], &[], CALLS),
        needs("call.hedge", &[Dependencies, HttpDependency, ReadThatUses], &[], CALLS),
        needs("call.jitter", &[Dependencies, HttpDependency], &[], CALLS),
        needs("access.secrets", &[], &[Credential, Repository], &[]),
        needs("ship.make", &[Repository], &[], &[]),
        needs("ship.supply-chain", &[Repository], &[], &[]),
        needs("ship.config", &[Variables], &[Repository], &[]),
        needs("prove.attack", &[], &[Body], &[]),
        needs("prove.load", &[Load], &[], &[]),
        needs("prove.stress", &[Requests], &[], &[]),
        needs("prove.soak", &[], &[Data], &[]),
        needs("data.location", &[State, Data], &[Read], &[]),
        needs("life.autoscale", &[Autoscale], &[Bystander, ReadThatUses], &[]),
        needs("life.start", &[], &[Variables], &[]),
        needs("life.crash", &[Crash], &[], &[]),
        needs("life.leader", &[Leader], &[Fence], STATE),
        needs("life.drain", &[], &[Ready, InFlight], &[]),
        needs("life.kill", &[State, ReadBack], &[], &[]),
        needs("life.steady", &[], &[Data], &[]),
        needs("ratchet.dead-letters", &[Dead, DeadLetters], &[], STATE),
        needs("data.clean", &[Records, Quarantine], &[], STATE),
        needs("data.integrity", &[Integrity], &[Corruption], STATE),
        needs("data.purge", &[Expires], &[], STATE),
        needs("ratchet.events", &[Events], &[Projection, Old], STATE),
        needs("ratchet.steps", &[Steps, HttpDependency], &[], STATE),
        needs("ratchet.jobs", &[Jobs, HttpDependency], &[Idempotent], STATE),
    ]
};

/// The needs of the probe of an attribute.
pub(super) fn of(id: &'static str) -> Needs {
    NEEDS.iter().find(|needs| needs.id == id).copied().unwrap_or(Needs { id, whole: &[], part: &[], excluded_by: &[] })
}

/// The attributes whose probes need something.
#[cfg(test)]
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    NEEDS.iter().map(|needs| needs.id)
}

impl Exclusion {
    pub(super) fn is_declared(self, subject: &Subject) -> bool {
        match self {
            Self::NoDependencies => matches!(&subject.dependencies, Dependencies::Declared(list) if list.is_empty()),
            Self::Stateless => subject.state == State::None,
            Self::NothingWaits => {
                Self::NoDependencies.is_declared(subject) && !subject.requests.iter().any(|spec| spec.slow)
            }
        }
    }
}

impl Need {
    /// Returns true if the subject declares it.
    pub fn is_met(self, subject: &Subject) -> bool {
        let any = |is: &dyn Fn(&RequestSpec) -> bool| subject.requests.iter().any(is);
        let declared = match &subject.dependencies {
            Dependencies::Declared(declared) => declared.as_slice(),
            Dependencies::Unsaid => &[],
        };
        // The first probes send the mix: what is slow or crashes stands by for nobody.
        let light = |spec: &RequestSpec| !spec.slow && !spec.heavy && !spec.crash;
        let writes = |spec: &RequestSpec| !spec.only_reads() && light(spec);
        let stateless = subject.state == State::None;
        match self {
            Self::Dependencies => matches!(subject.dependencies, Dependencies::Declared(_)),
            Self::Uses => any(&|spec| light(spec) && !spec.uses.is_empty()),
            Self::Later => any(&|spec| light(spec) && !spec.later.is_empty()),
            Self::HttpDependency => declared.iter().any(|one| one.url.scheme() == "http"),
            Self::ReadThatUses => any(&|spec| light(spec) && spec.only_reads() && !spec.uses.is_empty()),
            Self::Bystander => any(&|spec| light(spec) && spec.only_reads() && spec.uses.is_empty()),
            Self::Many => declared.iter().any(|one| one.many.is_some()),
            Self::Named => declared.iter().any(|one| one.named.is_some()),
            Self::Trip => declared.iter().any(|one| one.trip.is_some() && one.release.is_some()),
            Self::Read => any(&|spec| light(spec) && spec.only_reads()),
            Self::Requests => {
                let repeatable = |spec: &&RequestSpec| light(spec) && (spec.only_reads() || spec.idempotent.is_some());
                subject.requests.iter().filter(repeatable).count() > 1
            }
            Self::Body => stateless || any(&|spec| writes(spec) && (spec.json.is_some() || spec.body.is_some())),
            Self::Json => stateless || any(&|spec| writes(spec) && spec.json.is_some()),
            Self::Idempotent => any(&|spec| light(spec) && spec.idempotent.is_some()),
            Self::Save => any(&|spec| writes(spec) && !spec.save.is_empty()),
            Self::ReadBack => stateless || any(&|spec| light(spec) && spec.read.is_some()),
            Self::List => any(&|spec| light(spec) && spec.list),
            Self::Jobs => any(&|spec| light(spec) && !spec.done.is_empty()),
            Self::Dead => subject.work.iter().any(|spec| !spec.dead.is_empty()),
            Self::DeadLetters => subject.dead_letters.is_some(),
            Self::Query => subject.query.is_some(),
            Self::Outliers => subject.outliers.is_some(),
            Self::Errors => subject.errors.is_some(),
            Self::Console => subject.console.is_some(),
            Self::Leader => subject.leader.is_some(),
            Self::Fence => subject.leader.as_ref().is_some_and(|leader| leader.fence.is_some()),
            Self::Integrity => subject.integrity.is_some(),
            Self::Corruption => subject.integrity.as_ref().is_some_and(|one| one.corruption.is_some()),
            Self::Events => subject.events.is_some(),
            Self::Projection => {
                subject.events.as_ref().is_some_and(|events| events.projection.is_some() && events.rebuild.is_some())
            }
            Self::Old => subject.events.as_ref().is_some_and(|events| events.old != crate::subject::Old::Unsaid),
            Self::Records => subject.work.iter().any(|spec| spec.records.is_some()),
            Self::Quarantine => subject.quarantine.is_some(),
            Self::Expires => subject.work.iter().any(|spec| spec.expires.is_some()),
            Self::Steps => subject.work.iter().any(|spec| spec.steps.is_some()),
            Self::SlowOrUses => any(&|spec| spec.slow || !spec.uses.is_empty()),
            Self::Heavy => any(&|spec| spec.heavy),
            Self::Crash => any(&|spec| spec.crash),
            Self::ServerError => {
                any(&|spec| spec.crash || spec.expect.is_some_and(|status| status >= 500) || !spec.uses.is_empty())
            }
            Self::InFlight => {
                any(&|spec| writes(spec) && (spec.json.is_some() || spec.body.is_some()) || !spec.uses.is_empty())
            }
            Self::State => subject.state != State::Unsaid,
            Self::Data => stateless || !subject.data.is_empty(),
            Self::Load => subject.load.is_some(),
            Self::Ready => subject.ready.is_some(),
            Self::Variables => !subject.env.is_empty() || !declared.is_empty(),
            Self::Credential => subject.env.iter().any(|(name, value)| secrets::carries_credential(name, value)),
            Self::Rules => subject.ops.as_ref().is_some_and(|ops| !ops.rules.is_empty()),
            Self::Dashboards => subject.ops.as_ref().is_some_and(|ops| !ops.dashboards.is_empty()),
            Self::Autoscale => subject.ops.as_ref().is_some_and(|ops| !ops.autoscale.is_empty()),
            Self::Repository => subject.repository.is_some(),
            Self::Classes => {
                let specs = || subject.requests.iter().filter(|spec| may_be_a_storm(spec) && !spec.heavy);
                let classes: BTreeSet<Criticality> = specs().map(|spec| spec.criticality.unwrap_or_default()).collect();
                specs().any(|spec| spec.criticality.is_some()) && classes.len() > 1
            }
            Self::Partition => {
                let specs = || subject.requests.iter().filter(|spec| may_be_a_storm(spec));
                let others = |name| specs().any(|spec| !spec.heavy && spec.bulkhead != name);
                specs().filter(|spec| spec.bulkhead.is_some()).any(|spec| others(spec.bulkhead.clone()))
            }
        }
    }

    /// The words for keel.toml that declare it.
    pub fn declare(self) -> &'static str {
        match self {
            Self::Dependencies => "[dependencies.NAME], or dependencies = \"none\"",
            Self::Uses => "`uses = [\"NAME\"]` on the requests that reach a dependency",
            Self::Later => "`later = [\"NAME\"]` on the requests that reach a dependency in queued work",
            Self::HttpDependency => "a dependency with `url = \"http://...\"`",
            Self::ReadThatUses => "a GET with `uses = [\"NAME\"]`",
            Self::Bystander => "a GET that uses no dependency",
            Self::Many => "`many` of a dependency",
            Self::Named => "`named` of a dependency",
            Self::Trip => "`trip` and `release` of a dependency",
            Self::Read => "a GET in [[requests]]",
            Self::Requests => "two requests of different cost, with GET or `idempotent`",
            Self::Body => "a write with `json` or `body`, or state = \"none\"",
            Self::Json => "a write with `json`, or state = \"none\"",
            Self::Idempotent => "`idempotent = \"HEADER\"` on a request that is safe to repeat",
            Self::Save => "`save` of the identifier on a request that makes something",
            Self::ReadBack => "`read` on a request that makes something",
            Self::List => "`list = true` on a GET that returns a list",
            Self::Jobs => "`later`, `read` and `done` on a request that asks for work after its answer",
            Self::Dead => "`dead`, `read` and `done` on a request for work that cannot be processed",
            Self::DeadLetters => "[dead_letters]",
            Self::Query => "[query]",
            Self::Outliers => "[outliers]",
            Self::Errors => "[errors]",
            Self::Console => "[console]",
            Self::Leader => "[leader]",
            Self::Fence => "`fence` in [leader]",
            Self::Integrity => "[integrity]",
            Self::Corruption => "`corrupt` and `restore` in [integrity]",
            Self::Events => "[events]",
            Self::Projection => "`projection` and `rebuild` in [events]",
            Self::Old => "`old` in [events]",
            Self::Records => "`records` on a request that takes records in",
            Self::Quarantine => "[quarantine]",
            Self::Expires => "`expires` and `read` on a request that makes something that is kept for a time",
            Self::Steps => "`steps`, `later`, `read` and `done` on a request for work of several steps",
            Self::SlowOrUses => "`slow = true` on a request that takes long, or `uses` of a dependency",
            Self::Heavy => "`heavy = true` on the request that computes longest",
            Self::Crash => "`crash = true` on a request that crashes",
            Self::ServerError => "a request with `crash = true`, `expect = 500` or `uses`",
            Self::InFlight => "a request with a body or `uses`",
            Self::State => "`state = \"durable\"` or \"none\"",
            Self::Data => "`data = [\"folder\"]`, or state = \"none\"",
            Self::Load => "[load]",
            Self::Ready => "`ready`",
            Self::Variables => "[service.env]",
            Self::Credential => "a variable with a credential in [service.env]",
            Self::Rules => "`rules` in [ops]",
            Self::Dashboards => "`dashboards` in [ops]",
            Self::Autoscale => "`autoscale` in [ops]",
            Self::Repository => "`repository = \".\"`",
            Self::Classes => "`criticality = \"critical\"` and \"sheddable\" on requests that may be repeated",
            Self::Partition => "`bulkhead = \"NAME\"` on requests with capacity of their own, beside others",
        }
    }
}

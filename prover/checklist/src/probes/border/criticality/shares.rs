//! Shares of the clients: one of them sends three times as much as all others together.

use crate::clause::border::criticality as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::lab::capacity::Capacity;
use crate::probes::support::listener::Listener;
use crate::probes::support::mix;
use crate::probes::support::overload::side_by_side::{self, Outcome, Part};
use crate::probes::support::overload::storm_script::StormScript;
use crate::probes::support::overload::{self, Generator};
use crate::subject::{Criticality, RequestSpec};

/// The other clients, and their part of the capacity together.
const OTHERS: u32 = 16;
const THEIR_PART: f64 = 0.5;
/// Times the capacity, the rates of the one client that are tried: the next one where one was not too much, as a search may find less than a
/// service does once it is warm.
const WILD: [f64; 3] = [1.5, 2.5, 4.0];
/// Of their part, what a script sends for the others.
const SCRIPT: f64 = 0.5;
/// Headers that identify a client independently of its address.
const IDENTITY: [&str; 3] = ["authorization", "cookie", "x-api-key"];
/// Headers that say nothing of a class.
const NO_CLASS: [&str; 4] = ["content-type", "content-length", "accept", "host"];

/// The outcome for one way in which the one client sends.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The headers by which the one client claims to be critical, as people read them; none when it claims nothing.
    pub(super) claim: Option<String>,
    /// The others alone.
    pub(super) alone: Outcome,
    /// The others beside the one client.
    pub(super) others: Outcome,
    /// The one client.
    pub(super) wild: Outcome,
    /// True if the requests carry a credential.
    pub(super) identified: bool,
}

/// The evidence on the shares of clients.
pub(super) async fn examine(lab: &mut Lab) -> Vec<Evidence> {
    let many = Listener::of(lab).await.is_ok_and(|listener| listener.takes_many_sources());
    if !many {
        let what = "it is reached from one address only, so that all clients are one: let it listen on 127.0.0.1";
        return vec![clause::FAIR_SHARES.gap(what)];
    }
    look(lab).await.unwrap_or_else(|reason| vec![clause::FAIR_SHARES.gap(reason)])
}

async fn look(lab: &mut Lab) -> Result<Vec<Evidence>, String> {
    let all = mix::repeatable(lab);
    let specs = of_one_class(&all);
    let whole = specs.len() == all.len();
    let generator = Generator::of_requests(lab, &specs).unwrap_or_else(|| Generator::of(lab));
    let capacity: Capacity = match whole {
        true => overload::capacity(lab, overload::MOST).await?,
        false => overload::find(lab, &generator, overload::begin(lab), overload::MOST).await?,
    };
    let objective = capacity.normal(lab, &generator)?.objective;
    let kinds: Vec<usize> = (0..generator.kinds().len()).collect();
    let rate = THEIR_PART * capacity.rate;
    let others = generator.of_clients(OTHERS);
    let identified = specs.iter().any(|spec| has_any(spec, &IDENTITY));
    let alone = side_by_side::in_peace_alone(lab, &others, rate, &kinds, objective).await?;
    let (mut evidence, mut tried) = (Vec::new(), &WILD[usize::from(overload::does_more(lab))..]);
    for headers in [Vec::new(), claims(&all, &specs)] {
        let claim = told(&headers);
        if claim.is_none() && !evidence.is_empty() {
            break;
        }
        let one = generator.of_clients(0).with_headers(&headers);
        // A rate that was not too much without a claim is not tried with one.
        for (place, times) in tried.iter().copied().enumerate() {
            let parts = [
                Part { generator: &others, rate, kinds: &kinds, objective },
                Part { generator: &one, rate: times * capacity.rate, kinds: &kinds, objective },
            ];
            let [others, wild] = side_by_side::held(lab, parts).await?;
            if !wild.is_too_much() && times < WILD[2] {
                continue;
            }
            tried = &tried[place..];
            let seen = Seen { claim: claim.clone(), alone, others, wild, identified };
            let script = StormScript {
                storm: &specs,
                headers: &headers,
                capacity: capacity.rate,
                times: times + THEIR_PART,
                beside: &specs,
                rate: SCRIPT * rate,
                clients: OTHERS,
                objective,
            };
            evidence.push(script.attach(lab, judge(&seen)));
            break;
        }
        // What happens without a claim happens with one.
        if evidence.iter().any(Evidence::is_against) {
            break;
        }
    }
    Ok(evidence)
}

/// The requests of the default class; of the highest class where there are none.
fn of_one_class(specs: &[RequestSpec]) -> Vec<RequestSpec> {
    let of = |class| specs.iter().filter(|spec| spec.criticality.unwrap_or_default() == class).cloned().collect();
    let order = [Criticality::Default, Criticality::Critical, Criticality::Sheddable];
    order.into_iter().map(of).find(|specs: &Vec<RequestSpec>| !specs.is_empty()).unwrap_or_default()
}

/// The headers by which a client may claim to be critical: those of the declared critical requests that these lack, and `criticality`.
fn claims(all: &[RequestSpec], specs: &[RequestSpec]) -> Vec<(String, String)> {
    let is = |name: &str, names: &[&str]| names.iter().any(|other| other.eq_ignore_ascii_case(name));
    let lack = |name: &str, value: &str| specs.iter().any(|spec| spec.headers.get(name).is_none_or(|own| own != value));
    let critical = all.iter().filter(|spec| spec.criticality == Some(Criticality::Critical));
    let mut headers: Vec<(String, String)> = critical
        .flat_map(|spec| spec.headers.iter().map(move |(name, value)| (spec, name, value)))
        .filter(|(spec, name, value)| {
            let idempotent = spec.idempotent.as_ref().is_some_and(|header| header.eq_ignore_ascii_case(name));
            !idempotent && !value.contains('{') && !is(name, &NO_CLASS) && !is(name, &IDENTITY) && lack(name, value)
        })
        .map(|(_, name, value)| (name.clone(), value.clone()))
        .collect();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("criticality")) {
        headers.push(("criticality".to_owned(), "critical".to_owned()));
    }
    headers.sort();
    headers.dedup_by(|one, other| one.0.eq_ignore_ascii_case(&other.0));
    headers
}

fn told(headers: &[(String, String)]) -> Option<String> {
    let each: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    (!each.is_empty()).then(|| each.join(", "))
}

fn has_any(spec: &RequestSpec, names: &[&str]) -> bool {
    spec.headers.keys().any(|name| names.iter().any(|other| other.eq_ignore_ascii_case(name)))
}

/// Judges whether the one client took the share of the others.
pub(super) fn judge(seen: &Seen) -> Evidence {
    let claim = seen.claim.as_ref().map_or_else(String::new, |claim| format!(" that says {claim}"));
    let what = format!(
        "beside one client{claim} that sends too much ({}), requests of {OTHERS} others: {}",
        seen.wild.told(),
        seen.others.told()
    );
    match (controls(seen), seen.others.are_served()) {
        (Err(failed), _) => clause::FAIR_SHARES.gap(format!("{what}, but {}", failed.what)),
        (Ok(_), Some(false)) if seen.identified => clause::FAIR_SHARES.gap(format!(
            "{what}; they carry one credential, by which they may be one client: declare requests without one"
        )),
        (Ok(control), served) => clause::FAIR_SHARES.maybe(served, what).by(&control),
    }
}

fn controls(seen: &Seen) -> Result<Control, Uncontrolled> {
    Control::seen(seen.wild.is_too_much(), "", "the requests of the one client were nearly all answered in time")?;
    let told = format!("the others alone: {}", seen.alone.told());
    Control::seen(seen.alone.are_served() == Some(true), told.clone(), format!("{told}: they alone are too much"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(criticality: Option<Criticality>, headers: &[(&str, &str)]) -> RequestSpec {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        RequestSpec { criticality, headers, ..RequestSpec::default() }
    }

    #[test]
    fn a_client_claims_to_be_critical_by_the_headers_of_critical_requests() {
        let critical = spec(
            Some(Criticality::Critical),
            &[("X-Priority", "1"), ("Authorization", "Bearer a"), ("X-Key", "{key}"), ("Content-Type", "text/plain")],
        );
        let other = spec(None, &[("X-Priority", "9")]);
        let claimed = claims(&[critical, other.clone()], &[other]);
        assert_eq!(told(&claimed).as_deref(), Some("X-Priority: 1, criticality: critical"));
    }

    #[test]
    fn requests_of_the_default_class_are_compared_where_there_are_some() {
        let (critical, other) = (spec(Some(Criticality::Critical), &[]), spec(None, &[("A", "b")]));
        assert_eq!(of_one_class(&[critical.clone(), other]).len(), 1);
        assert_eq!(of_one_class(std::slice::from_ref(&critical))[0].criticality, Some(Criticality::Critical));
    }
}

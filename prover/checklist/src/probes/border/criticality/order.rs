//! Order of the classes: a mixture of them at twice the capacity.

use crate::clause::border::criticality as clause;
use crate::control::{Control, Uncontrolled};
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::support::mix;
use crate::probes::support::overload::shares::LOST;
use crate::probes::support::overload::side_by_side::{self, Outcome, held_alone, in_peace_alone};
use crate::probes::support::overload::storm_script::StormScript;
use crate::probes::support::overload::{self, Generator};
use crate::subject::{Criticality, RequestSpec};

/// Twentieths of the load, by the number of classes, from the highest class on: the first ones of which the higher classes alone could be half as much again.
/// Classes cost differently, so the capacity of the whole mix says little about what is too much of one.
const TWO: &[&[u32]] = &[&[4, 16], &[3, 17], &[2, 18], &[1, 19]];
const THREE: &[&[u32]] = &[&[2, 3, 15], &[1, 2, 17], &[1, 1, 18]];
/// Times the rate of the higher classes, the rate at which they are answered alone: what they do in the overload is far from what they can do.
const HEADROOM: f64 = 1.5;
/// The share that is answered in time then.
const UNHURRIED: f64 = 0.98;
/// The parts of the load.
const ALL: u32 = 20;
/// Times the capacity, the loads that are tried: the second one where the first was none that is too much, or will be none.
const OVERLOADS: [f64; 2] = [2.0, 3.0];

/// One class of the mix.
#[derive(Clone, Debug)]
struct Class {
    class: Criticality,
    kinds: Vec<usize>,
}

/// One class of the mix under the load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) class: Criticality,
    /// In peace, with all other classes.
    pub(super) peace: Outcome,
    /// In the overload.
    pub(super) held: Outcome,
}

/// The evidence on the order of the declared classes.
pub(super) async fn examine(lab: &mut Lab) -> Vec<Evidence> {
    let specs = mix::repeatable(lab);
    let classes = classes(&specs);
    let Some(shares) = shares(&specs, classes.len()) else {
        let what = match classes.first() {
            Some(Class { class, .. }) => format!(
                "all requests that may be repeated are {class}: declare `criticality = \"critical\"` and \"sheddable\" in [[requests]]"
            ),
            None => "no request may be repeated: declare a GET, or `idempotent`".to_owned(),
        };
        return vec![clause::LEAST_FIRST.gap(what)];
    };
    match look(lab, &specs, &classes, shares).await {
        Ok(evidence) => evidence,
        Err(reason) => vec![clause::LEAST_FIRST.gap(reason)],
    }
}

/// The classes of these requests, the highest one first.
fn classes(specs: &[RequestSpec]) -> Vec<Class> {
    let of = |class| {
        let kinds = specs.iter().enumerate().filter(|(_, spec)| spec.criticality.unwrap_or_default() == class);
        Class { class, kinds: kinds.map(|(place, _)| place).collect() }
    };
    Criticality::ALL.into_iter().rev().map(of).filter(|class| !class.kinds.is_empty()).collect()
}

/// The shares of the load to try; none where no class is declared, or where there is only one.
fn shares(specs: &[RequestSpec], classes: usize) -> Option<&'static [&'static [u32]]> {
    let declared = specs.iter().any(|spec| spec.criticality.is_some());
    match classes {
        2 if declared => Some(TWO),
        3 => Some(THREE),
        _ => None,
    }
}

async fn look(
    lab: &mut Lab,
    specs: &[RequestSpec],
    classes: &[Class],
    shares: &[&[u32]],
) -> Result<Vec<Evidence>, String> {
    let whole = Generator::of_requests(lab, specs).ok_or("no request may be repeated")?;
    let (lowest, higher) = classes.split_last().ok_or("no request may be repeated")?;
    let above: Vec<usize> = higher.iter().flat_map(|class| class.kinds.clone()).collect();
    let of_mix = |shares: &[u32]| {
        let parts: Vec<_> = classes.iter().zip(shares).map(|(class, share)| (class.kinds.clone(), *share)).collect();
        whole.clone().with_shares(&parts)
    };
    let mut generator = of_mix(shares.first().ok_or("no request may be repeated")?);
    let begin = overload::begin(lab);
    let capacity = overload::find(lab, &generator, begin, overload::MOST).await?;
    let normal = capacity.normal(lab, &generator)?;
    let (objective, peace) = (normal.objective, overload::peace(lab, normal).await?);
    let mut evidence = Vec::new();
    for times in OVERLOADS.into_iter().skip(usize::from(overload::does_more(lab))) {
        let rate = times * capacity.rate;
        let mut fitting = None;
        for shares in shares {
            generator = of_mix(shares);
            let rate_above = rate * f64::from(shares[..higher.len()].iter().sum::<u32>()) / f64::from(ALL);
            let alone = in_peace_alone(lab, &generator.only(&above), HEADROOM * rate_above, &above, objective).await?;
            fitting = Some((rate_above, alone));
            if alone.in_peace(UNHURRIED).is_ok() {
                break;
            }
        }
        let (rate_above, alone) = fitting.ok_or("no request may be repeated")?;
        let held = held_alone(lab, &generator, rate, objective).await?;
        let seen = |class: &Class| Seen {
            class: class.class,
            peace: side_by_side::of_kinds(&peace, &class.kinds, objective),
            held: held.of(&class.kinds),
        };
        let lowest_seen = seen(lowest);
        if !lowest_seen.held.is_too_much() && times < OVERLOADS[1] {
            continue;
        }
        let script = StormScript {
            storm: &of(specs, &lowest.kinds),
            headers: &[],
            capacity: capacity.rate,
            times,
            beside: &of(specs, &above),
            rate: rate_above,
            clients: 0,
            objective,
        };
        let pieces = higher.iter().map(|class| judge(seen(class), lowest_seen, alone, rate));
        evidence.extend(pieces.map(|piece| script.attach(lab, piece)));
        break;
    }
    Ok(evidence)
}

fn of(specs: &[RequestSpec], kinds: &[usize]) -> Vec<RequestSpec> {
    kinds.iter().filter_map(|kind| specs.get(*kind)).cloned().collect()
}

/// Judges one class against the lowest one, which is too much.
pub(super) fn judge(seen: Seen, lowest: Seen, alone: Outcome, rate: f64) -> Evidence {
    let what = format!(
        "of {rate:.0} requests a second, more than it does, {} requests: {}; {} ones: {}",
        seen.class,
        seen.held.told(),
        lowest.class,
        lowest.held.told()
    );
    match (controls(seen, lowest, alone), seen.held.are_served()) {
        (Err(failed), _) => clause::LEAST_FIRST.gap(format!("{what}, but {}", failed.what)),
        (Ok(control), served) => clause::LEAST_FIRST.maybe(served, what).by(&control),
    }
}

fn controls(seen: Seen, lowest: Seen, alone: Outcome) -> Result<Control, Uncontrolled> {
    for peace in [seen.peace, lowest.peace] {
        // Nine tenths of all are in time; of a class there are few.
        peace.in_peace(LOST)?;
    }
    Control::seen(
        lowest.held.is_too_much(),
        "",
        format!("{} requests were nearly all answered in time: the load was not too much", lowest.class),
    )?;
    let told = format!("the higher classes alone, at {HEADROOM} times the rate: {}", alone.told());
    let failed = format!("{told}: they alone are nearly too much");
    Control::seen(alone.in_peace(UNHURRIED).is_ok(), told, failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(criticality: Option<Criticality>) -> RequestSpec {
        RequestSpec { criticality, ..RequestSpec::default() }
    }

    #[test]
    fn requests_without_a_class_are_default_and_the_highest_class_comes_first() {
        let specs = [spec(Some(Criticality::Sheddable)), spec(None), spec(Some(Criticality::Critical)), spec(None)];
        let found = classes(&specs);
        let kinds: Vec<(&str, &[usize])> =
            found.iter().map(|class| (class.class.name(), class.kinds.as_slice())).collect();
        assert_eq!(kinds, [("critical", &[2][..]), ("default", &[1, 3][..]), ("sheddable", &[0][..])]);
        assert_eq!(shares(&specs, found.len()), Some(THREE));
        assert_eq!(shares(&[spec(None)], 1), None);
        for shares in TWO.iter().chain(THREE) {
            assert_eq!(shares.iter().sum::<u32>(), ALL);
        }
    }
}

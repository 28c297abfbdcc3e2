//! Probes that run while `border.slow-clients` holds its connections, as most of that examination is waiting.

use super::border::slow_clients;
use crate::probe::Probe;

/// They wait for faults of dependencies, send few requests, and neither start the service nor load it.
const BESIDE: [&str; 4] = ["border.deadline", "call.fallback", "call.bad-answers", "call.timeout"];

/// The same probes, with those that run beside the slow clients right before these.
pub(super) fn in_order(probes: Vec<Probe>) -> Vec<Probe> {
    let (beside, mut rest): (Vec<Probe>, Vec<Probe>) = probes.into_iter().partition(|probe| BESIDE.contains(&probe.id));
    let place = rest.iter().position(|probe| probe.id == slow_clients::PROBE.id).unwrap_or(rest.len());
    rest.splice(place..place, beside);
    rest
}

/// Returns true if the slow clients are to come before the probe at this place: it is the first that runs beside them.
pub(crate) fn begins_at(chosen: &[&Probe], place: usize) -> bool {
    let is_beside = |probe: &&Probe| BESIDE.contains(&probe.id);
    chosen.iter().position(is_beside) == Some(place)
        && chosen[place..].iter().any(|probe| probe.id == slow_clients::PROBE.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slow_clients_come_before_the_first_probe_that_runs_beside_them_when_they_are_examined() {
        let all = super::super::all();
        let chosen: Vec<&Probe> = all.iter().collect();
        let places: Vec<usize> = (0..chosen.len()).filter(|place| begins_at(&chosen, *place)).collect();
        let ids: Vec<&str> = chosen[places[0]..].iter().map(|probe| probe.id).take(BESIDE.len() + 1).collect();
        assert_eq!(places.len(), 1);
        assert_eq!(ids[..BESIDE.len()], BESIDE, "nothing else runs between");
        assert_eq!(ids[BESIDE.len()], slow_clients::PROBE.id);
        let without: Vec<&Probe> = chosen.into_iter().filter(|probe| probe.id != slow_clients::PROBE.id).collect();
        assert!((0..without.len()).all(|place| !begins_at(&without, place)));
    }
}

//! The judges of `life.leader`, on observations alone.

use std::time::Duration;

use super::instance::Shown;

/// Judges that one of two instances leads.
pub(super) fn elected(shown: &[Shown; 2]) -> (bool, String) {
    match shown.iter().filter(|shown| shown.leads).count() {
        1 => (true, "one of two instances leads".to_owned()),
        many => (false, format!("{many} of two instances say that they lead")),
    }
}

/// Judges that another instance leads after the end or the pause of the leader, and that its work is done.
pub(super) fn taken_over(
    fate: &str,
    took: Option<Duration>,
    within: Duration,
    asked: usize,
    left: f64,
) -> (bool, String) {
    match took {
        None => (false, format!("the leader was {fate}, and no other instance leads {within:.0?} later")),
        Some(took) if left == 0.0 => (
            true,
            format!("the leader was {fate}, and another one led after {took:.1?}; {asked} works are done once each"),
        ),
        Some(_) if left < 0.0 => (false, format!("the leader was {fate}, and {} works are done twice", -left)),
        Some(took) => {
            let what = format!(
                "the leader was {fate}, another one led after {took:.1?}, and {left} works are not done {within:.0?} later"
            );
            (false, what)
        }
    }
}

/// An instance that goes on after a pause past its lease.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paused {
    /// Time after which it knew that it leads no more.
    pub(super) knows: Option<Duration>,
    pub(super) bound: Duration,
    /// Works that are not done; below zero when some are done twice.
    pub(super) left: f64,
    /// Its fence, and that of the one that leads.
    pub(super) fence: Option<(f64, f64)>,
}

/// Judges that it harms nothing.
pub(super) fn paused(seen: &Paused) -> (bool, String) {
    let Paused { knows, bound, left, fence } = seen;
    if *left < 0.0 {
        return (false, format!("an old leader went on after a pause, and {} works are done twice", -left));
    }
    if *left != 0.0 {
        return (false, format!("an old leader went on after a pause, and {left} works are not done"));
    }
    let Some(knows) = knows else {
        return (false, format!("an old leader still says that it leads {bound:.0?} after its pause"));
    };
    if let Some((own, leader)) = fence.filter(|(own, leader)| own > leader) {
        return (false, format!("an old leader has the fence {own}, and the one that leads {leader}"));
    }
    (true, format!("an old leader knew {knows:.1?} after its pause that it leads no more, and each work is done once"))
}

/// Judges that the fence rises with each term; none where it does not show.
pub(super) fn fences(terms: &[Option<f64>]) -> (Option<bool>, String) {
    let Some(fences) = terms.iter().copied().collect::<Option<Vec<f64>>>() else {
        return (None, "the fence of a term does not show: declare `fence` in [leader]".to_owned());
    };
    let told = fences.iter().map(ToString::to_string).collect::<Vec<_>>().join(", then ");
    match fences.windows(2).all(|pair| pair[0] < pair[1]) {
        true => (Some(true), format!("the fence rises with each term: {told}")),
        false => (Some(false), format!("the fence does not rise with each term: {told}")),
    }
}

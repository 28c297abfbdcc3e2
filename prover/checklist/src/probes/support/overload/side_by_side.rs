//! Two loads at the same time: one that is more than the service can do, and one beside it that must not suffer.

use std::time::Duration;

use super::mixture::Served;
use super::{FILLS, Generator, HOLD, JUDGED, LEAST_PEACE, PEACE, Sending};
use crate::lab::Lab;

/// A load: the generator and its requests a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) generator: &'a Generator,
    pub(crate) rate: f64,
    /// Places of its requests, of which the outcomes count.
    pub(crate) kinds: &'a [usize],
    /// An answer within this time is in time.
    pub(crate) objective: Duration,
}

/// Outcomes of one load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The outcomes as they were.
    pub(crate) strict: Served,
    /// The same, when an answer may take longer by the time by which keel itself was late: this alone speaks against a service.
    pub(crate) lenient: Served,
}

/// Sends both in peace.
///
/// # Errors
/// When keel fell behind, or a load could not be sent.
pub(crate) async fn in_peace(lab: &Lab, parts: [Part<'_>; 2]) -> Result<[Outcome; 2], String> {
    let lasts = lab.pace.of(PEACE).max(LEAST_PEACE);
    send(lab, parts, lasts, Duration::ZERO, None).await
}

/// Sends both for the time of an overload; what is under way at its end is cut off.
///
/// # Errors
/// When keel fell behind, or a load could not be sent.
pub(crate) async fn held(lab: &Lab, parts: [Part<'_>; 2]) -> Result<[Outcome; 2], String> {
    let lasts = span(lab, parts[0].objective.max(parts[1].objective));
    send(lab, parts, lasts, lab.pace.of(FILLS), Some(lasts)).await
}

async fn send(
    lab: &Lab,
    parts: [Part<'_>; 2],
    lasts: Duration,
    fills: Duration,
    cut: Option<Duration>,
) -> Result<[Outcome; 2], String> {
    let [one, other] = parts;
    let (first, second) =
        tokio::join!(one.generator.send(lab, one.rate, lasts, cut), other.generator.send(lab, other.rate, lasts, cut));
    let (first, second) = (first?, second?);
    for (part, sending) in [(one, &first), (other, &second)] {
        sending.on_schedule(part.objective)?;
    }
    let lag = first.lag().max(second.lag()).unwrap_or_default();
    let outcome = |part: Part<'_>, sending: &Sending| {
        let until = |objective| cut.map_or(lasts, |_| sending.judged_until(objective));
        let served = |objective| sending.served(part.kinds, objective, fills, until(objective));
        Outcome { strict: served(part.objective), lenient: served(part.objective + lag) }
    };
    Ok([outcome(one, &first), outcome(other, &second)])
}

/// The outcomes of some requests of a load that was answered to its end.
pub(crate) fn of_kinds(sending: &Sending, kinds: &[usize], objective: Duration) -> Outcome {
    let served = |objective| sending.served(kinds, objective, Duration::ZERO, sending.lasts());
    Outcome { strict: served(objective), lenient: served(objective + sending.lag().unwrap_or_default()) }
}

/// Sends one load in peace.
///
/// # Errors
/// When keel fell behind, or the load could not be sent.
pub(crate) async fn in_peace_alone(
    lab: &Lab,
    generator: &Generator,
    rate: f64,
    kinds: &[usize],
    objective: Duration,
) -> Result<Outcome, String> {
    let lasts = lab.pace.of(PEACE).max(LEAST_PEACE);
    let sending = generator.send(lab, rate, lasts, None).await?;
    sending.on_schedule(objective)?;
    Ok(of_kinds(&sending, kinds, objective))
}

/// One load that was sent for the time of an overload.
pub(crate) struct Held {
    sending: Sending,
    objective: Duration,
    fills: Duration,
}

impl Held {
    /// The outcomes of these requests.
    pub(crate) fn of(&self, kinds: &[usize]) -> Outcome {
        let sending = &self.sending;
        let served = |objective| sending.served(kinds, objective, self.fills, sending.judged_until(objective));
        Outcome { strict: served(self.objective), lenient: served(self.objective + sending.lag().unwrap_or_default()) }
    }
}

/// Sends one load for the time of an overload; what is under way at its end is cut off.
///
/// # Errors
/// When keel fell behind, or the load could not be sent.
pub(crate) async fn held_alone(
    lab: &Lab,
    generator: &Generator,
    rate: f64,
    objective: Duration,
) -> Result<Held, String> {
    let fills = lab.pace.of(FILLS);
    let lasts = span(lab, objective);
    let sending = generator.send(lab, rate, lasts, Some(lasts)).await?;
    sending.on_schedule(objective)?;
    Ok(Held { sending, objective, fills })
}

/// Duration of an overload in which an answer may take so long.
fn span(lab: &Lab, objective: Duration) -> Duration {
    lab.pace.of(HOLD).max(lab.pace.of(FILLS) + lab.pace.of(JUDGED) + objective)
}

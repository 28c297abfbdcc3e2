//! `border.criticality`: under overload the least important requests are refused first, and no client takes the share of others.
//!
//! - **Hypothesis**: at twice its capacity critical requests are answered as in peace, and what is refused is sheddable; a client that
//!   sends many times its share costs the other clients nothing, also when it claims to be critical.
//! - **Sent**: what may be repeated of the mix, in an open loop. First all requests at twice the capacity: with two declared classes
//!   four tenths of the capacity are of the higher one, with three classes two and three tenths of the two higher ones, less where the
//!   higher ones are too much by themselves, and the rest is of the lowest. Then requests of one class: half of the capacity by 16 clients, an address each, and three halves (more where that is not too much) by one
//!   more; and once more with the header `criticality: critical`, and with those headers by which the declared critical requests
//!   differ, on the requests of that one.
//! - **Controls**: all classes are answered in peace, and the higher ones alone at half as much again as they have in the overload; the 16 clients
//!   are answered alone; the lowest class, and the one client, are not answered in time by a quarter at least.
//! - **Decides**: of a higher class, or of the 16 clients, less than three quarters answered in time: falls short. Nine tenths: holds.
//!   Between them, without declared classes, without several addresses, where requests carry a credential and the clients
//!   are one by that, or when keel fell behind: unknown.
//! - **Blast radius**: as for `border.shed`.
//! - **Bound in time**: about 40 s when the capacity is known.

mod order;
mod shares;

use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;

#[cfg(test)]
mod judge_tests;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.criticality";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut evidence = order::examine(lab).await;
    // What one client does is the same question where the order of classes is wrong.
    evidence.extend(shares::examine(lab).await);
    if !lab.process().is_running() {
        evidence.push(Evidence::gap("its process ended under the load: border.shed says more"));
    }
    Finding::judge(ID, evidence)
}

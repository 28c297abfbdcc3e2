//! Runs one attack with a bystander beside it.

use super::bounds::{Beyond, Bounds};
use super::bystander::{self, Health};
use super::consent;
use super::context::Context;
use super::definition::Attack;
use super::result::AttackResult;
use super::target::Target;
use super::target_memory::MemoryWatch;

/// The reason why an attack was not begun.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The bounds are beyond what is ever allowed.
    #[error(transparent)]
    Bounds(#[from] Beyond),
    /// The target is not one that can or may be attacked.
    #[error(transparent)]
    Consent(#[from] consent::Refused),
}

/// Carries one attack out, with a bystander beside it, within `bounds` in count, rate and time.
///
/// Dropping the future ends the attack and closes its connections.
///
/// # Errors
/// When nothing was sent because bounds or target do not allow it.
pub async fn run(attack: &Attack, target: &Target, bounds: &Bounds) -> Result<AttackResult, Refusal> {
    run_after(attack, target, bounds, None).await
}

/// The same, where the health of the bystander in peace may be known: see [`peace`]. It is not measured again then.
///
/// # Errors
/// As [`run`].
pub async fn run_after(
    attack: &Attack,
    target: &Target,
    bounds: &Bounds,
    peace: Option<Health>,
) -> Result<AttackResult, Refusal> {
    bounds.check()?;
    let site = consent::site(target).await?;
    let memory = MemoryWatch::start(site.address);
    let context = match Context::open(target, bounds, site).await {
        Ok(context) => context,
        Err(reason) => return Ok(AttackResult::unknown(attack.id, reason)),
    };
    let (findings, bystander) = bystander::beside(&context, peace, (attack.launch)(&context)).await;
    let result = AttackResult::of(attack.id, findings, bystander);
    Ok(result.with_memory(memory.map(MemoryWatch::end), attack.memory))
}

/// Measures the health of a bystander in peace, before several attacks; none when the target does not answer.
///
/// # Errors
/// As [`run`].
pub async fn peace(target: &Target, bounds: &Bounds) -> Result<Option<Health>, Refusal> {
    bounds.check()?;
    let site = consent::site(target).await?;
    match Context::open(target, bounds, site).await {
        Ok(context) => Ok(Some(bystander::in_peace(&context).await)),
        Err(_) => Ok(None),
    }
}

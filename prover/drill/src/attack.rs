//! What hostile clients do, each bounded in rate and time.
//!
//! An [`Attack`] knows what a correct server may answer, by RFC where there is one, and says what it saw as [`Evidence`]. While it
//! runs, a bystander at another address asks steadily for something harmless: an attack that nobody else notices has failed.
//! [`run`] refuses any target that is not on loopback, unless the target consents by serving a token of this run ([`consent`]).
//!
//! ```
//! # #[tokio::main] async fn main() {
//! use keel_drill::attack::{self, Bounds, Target};
//!
//! let far = Target::at("http://192.0.2.1/".parse().expect("a URL"));
//! let refusal = attack::run(&attack::all()[0], &far, &Bounds::default()).await.expect_err("nobody consented");
//! assert!(refusal.to_string().contains("/.well-known/keel-consent"));
//! # }
//! ```

pub mod bounds;
pub mod bystander;
pub mod consent;
pub mod outcome;
pub mod target;
pub mod victim;

mod answers;
mod ground;
mod hold;
mod suite;

mod connection_flood;
mod cross_site;
mod effects;
mod guesses;
mod h2;
mod hosts;
mod idle;
mod methods;
mod oversized;
mod ranges;
mod slow_body;
mod slow_headers;
mod slow_read;
mod smuggling;
mod traversal;

use futures_util::future::BoxFuture;

pub use self::bounds::Bounds;
pub use self::bystander::Bystander;
pub use self::outcome::{Evidence, Mark, Outcome, Verdict};
pub use self::target::Target;
pub use self::victim::Memory;

use self::ground::Ground;
use self::outcome::Findings;
use self::victim::Victim;

/// One attack.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// Its name on the command line and in reports.
    pub id: &'static str,
    /// What is done to the server.
    pub what: &'static str,
    /// Where it is known from: a CVE, an RFC, a paper.
    pub source: &'static str,
    /// What a correct server may answer or do.
    pub correct: &'static str,
    /// The bytes by which the memory of whoever is attacked may grow at most, where that is what the attack is about.
    memory: Option<u64>,
    launch: Launch,
}

/// What carries an attack out.
type Launch = for<'a> fn(&'a Ground<'a>) -> BoxFuture<'a, Findings>;

/// Why an attack was not begun.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The bounds are beyond what is ever allowed.
    #[error(transparent)]
    Bounds(#[from] bounds::Beyond),
    /// The target is not one that can or may be attacked.
    #[error(transparent)]
    Consent(#[from] consent::Refused),
}

/// Every attack, in the order in which they are run: gentle ones first.
pub fn all() -> &'static [Attack] {
    &suite::ALL
}

/// The attack of this name.
pub fn named(id: &str) -> Option<&'static Attack> {
    all().iter().find(|attack| attack.id == id)
}

/// Carries one attack out, with a bystander beside it, within `bounds` in count, rate and time.
///
/// Dropping the future ends the attack and closes its connections.
///
/// # Errors
/// When nothing was sent because bounds or target do not allow it.
pub async fn run(attack: &Attack, target: &Target, bounds: &Bounds) -> Result<Outcome, Refusal> {
    bounds.check()?;
    let site = consent::site(target).await?;
    let victim = Victim::watch(&site);
    let ground = match Ground::open(target, bounds, site).await {
        Ok(ground) => ground,
        Err(reason) => return Ok(Outcome::unknown(attack.id, reason)),
    };
    let (findings, bystander) = bystander::beside(&ground, (attack.launch)(&ground)).await;
    let outcome = Outcome::of(attack.id, findings, bystander);
    Ok(outcome.with_memory(victim.map(Victim::end), attack.memory))
}

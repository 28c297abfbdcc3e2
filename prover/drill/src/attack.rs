//! Attacks by hostile clients, each bounded in rate and time.
//!
//! An [`Attack`] defines what a correct server may answer, by RFC where there is one, and reports what it saw as [`Evidence`].
//! While it runs, a bystander at another address steadily sends a harmless request: an attack that no other client notices has
//! failed. [`run`] refuses any target that is not on loopback, unless the target consents by serving a token of this run
//! ([`consent`]).
//!
//! ```
//! # #[tokio::main] async fn main() {
//! use keel_drill::attack::{self, Bounds, Target};
//!
//! let far = Target::at("http://192.0.2.1/".parse().expect("a URL"));
//! let refusal = attack::run(&attack::all()[0], &far, &Bounds::default()).await.expect_err("there is no consent");
//! assert!(refusal.to_string().contains("/.well-known/keel-consent"));
//! # }
//! ```

pub mod answers;
pub mod bounds;
pub mod bystander;
pub mod consent;
pub mod target;

mod context;
mod definition;
mod evidence;
mod pace;
mod result;
mod runner;
mod slow_client;
mod suite;
mod target_memory;
mod token;

pub use self::bounds::Bounds;
pub use self::bystander::{Bystander, Health};
pub use self::definition::Attack;
pub use self::evidence::{Evidence, Mark};
pub use self::result::{AttackResult, AttackVerdict};
pub use self::runner::{Refusal, peace, run, run_after};
pub use self::suite::{all, named};
pub use self::target::Target;
pub use self::target_memory::Memory;
pub use self::token::Token;

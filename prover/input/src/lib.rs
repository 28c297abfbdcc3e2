//! Values as people write them in files and on command lines.
//!
//! - [`credentials`]: credentials in URLs, sent as `Authorization` and never shown.
//! - [`duration`]: `250us`, `500ms`, `10s`, `1.5m`, `2h`.
//! - [`rate`]: `200`, `200/s`, `90/m`.
//! - [`seed`]: one seed for a whole run, and the generators that are derived from it.
//! - [`template`]: texts with places for values, such as `/accounts/{account}`.
//! - `diagnostics` (feature `diagnostics`): every error of a file, each with its line and the way out.
//!
//! ```
//! use std::time::Duration;
//!
//! assert_eq!(keel_input::duration::parse("1.5m"), Ok(Duration::from_secs(90)));
//! assert!(keel_input::duration::parse("90").is_err());
//! ```
//!
//! # Features and platforms
//!
//! | feature | adds | on by default |
//! |---|---|---|
//! | `diagnostics` | `diagnostics`: errors of TOML files, each with its line and a suggestion | no |
//!
//! No part needs a particular platform. Tested on Linux.

pub mod credentials;
#[cfg(feature = "diagnostics")]
pub mod diagnostics;
pub mod duration;
pub mod rate;
pub mod seed;
pub mod template;

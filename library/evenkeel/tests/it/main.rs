//! The facade: its documents, its dependencies, and the structure of the workspace.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod arrows;
mod circles;
#[cfg(feature = "client")]
mod dependencies;
mod readme;

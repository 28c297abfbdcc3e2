//! The facade: its documents, and the structure of the workspace.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod arrows;
mod circles;
mod readme;

//! The phases of a drill.

use serde::Deserialize;

/// A part of a drill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Until the first step.
    Before,
    /// From the first step to the last undo.
    During,
    /// From `recovery` after the last undo on.
    After,
    /// All of it.
    #[default]
    Whole,
}

//! Whether the bytes of a proxy flow, are paused or are partitioned.

/// Whether bytes flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// They do.
    #[default]
    Flowing,
    /// Nothing moves on any connection; new ones are accepted and wait. Nothing is lost.
    Paused,
    /// Nothing moves, and nobody is accepted. When it ends, the connections of before are reset: each side had given up.
    Partitioned,
}

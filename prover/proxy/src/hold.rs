//! Hold of a proxy: its bytes flow, are paused or are partitioned.

/// Flow of the bytes of a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// They do.
    #[default]
    Flowing,
    /// Nothing moves on any connection; new ones are accepted and wait. Nothing is lost.
    Paused,
    /// Nothing moves, and no connection is accepted. When it ends, the earlier connections are reset: each side had given up.
    Partitioned,
}

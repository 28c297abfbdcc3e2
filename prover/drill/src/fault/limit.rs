//! The resource limits that faults lower.

use serde::{Deserialize, Serialize};

/// A limit of a process that faults lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// `RLIMIT_NOFILE`.
    Descriptors,
    /// `RLIMIT_AS`.
    AddressSpace,
    /// `RLIMIT_FSIZE`.
    FileSize,
}

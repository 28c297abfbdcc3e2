//! What probes of several chapters share.

pub(in crate::probes) mod descriptors;
pub(in crate::probes) mod listener;
pub(in crate::probes) mod mix;
pub(in crate::probes) mod repository;
pub(in crate::probes) mod sockets;
pub(in crate::probes) mod steadiness;
pub(in crate::probes) mod tokens;

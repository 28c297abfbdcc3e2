//! Support for probes of several chapters.

pub(crate) mod build;

pub(crate) mod core_share;
pub(crate) mod descriptors;
pub(crate) mod in_place;
pub(crate) mod largest;
pub(crate) mod listener;
pub(crate) mod mix;
pub(crate) mod open_files;
pub(crate) mod overload;
pub(crate) mod own_calls;
pub(crate) mod peace;
pub(crate) mod percentile;
pub(crate) mod printed;
pub(crate) mod repository;
pub(crate) mod signals;
pub(crate) mod sockets;
pub(crate) mod stale;
pub(crate) mod steadiness;
pub(crate) mod tokens;
pub(crate) mod written;

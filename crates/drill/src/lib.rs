//! Faults, load and attacks against any service, from outside.
//!
//! A black box: nothing here knows what it examines, and no edge leads to the library above the line.
//!
//! - [`process`]: start a program in its own process group, collect its output, signal it, measure it, clean it up.
//! - [`http`]: one HTTP exchange with everything that was sent and came back kept as evidence.
//! - [`raw`]: a bare TCP connection for what no well-behaved client would send.
//! - [`proxy`]: a fault proxy that stands in front of a dependency.

pub mod http;
pub mod process;
pub mod proxy;
pub mod raw;
mod wire;

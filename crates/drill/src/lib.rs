//! Faults, load and attacks against any service, from outside.

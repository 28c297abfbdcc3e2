//! Support for several probes of the chapter `border`.

pub(crate) mod drips;
pub(crate) mod harmless;
pub(crate) mod writes;

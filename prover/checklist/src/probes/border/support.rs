//! What probes of chapter `border` share.

pub(crate) mod drips;
pub(crate) mod harmless;
pub(crate) mod writes;

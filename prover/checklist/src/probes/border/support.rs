//! What probes of chapter `border` share.

pub(crate) mod harmless;
pub(crate) mod writes;

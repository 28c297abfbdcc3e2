//! What probes of chapter `border` share.

pub(in crate::probes::border) mod harmless;
pub(in crate::probes::border) mod writes;

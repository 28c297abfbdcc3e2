//! Support for several probes of the chapter `call`.

pub(crate) mod by_dependency;
pub(crate) mod bystanders;
pub(crate) mod concurrency_bound;
pub(crate) mod degradation;
pub(crate) mod double_in_place;
pub(crate) mod facts;
pub(crate) mod instances;
pub(crate) mod proxied_dependency;

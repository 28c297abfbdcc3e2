//! The configuration of one run.

use crate::settings::{Standard, StoreSettings};

/// The settings of one run.
#[derive(Clone, Debug)]
pub(crate) struct Configuration<S> {
    pub(crate) standard: Standard,
    pub(crate) store: Option<StoreSettings>,
    pub(crate) own: S,
}

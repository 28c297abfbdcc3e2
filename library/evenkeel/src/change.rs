//! Changes of options in code, applied after the settings.

/// A change of options that the settings have made.
pub(crate) type Change<T> = Box<dyn FnOnce(&mut T) + Send>;

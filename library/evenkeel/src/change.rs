//! Changes of options in code, after the settings have made them.

/// A change of options that the settings have made.
pub(crate) type Change<T> = Box<dyn FnOnce(&mut T) + Send>;

//! A cause of any type in a box, as an error.

use std::error::Error;
use std::fmt;

/// Boxed error, as in tower.
type BoxError = Box<dyn Error + Send + Sync>;

/// A cause of any type. `Box<dyn Error>` is itself no [`Error`], so code that requires one could not stand around a call whose errors are such
/// boxes; this type is one, and shows the box's text.
///
/// [`Error::source`] is the error in the box, so that walking the causes finds it.
pub struct BoxedError(BoxError);

impl BoxedError {
    /// Boxes this cause.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }

    /// The cause as this type, where it is of it.
    pub fn downcast_ref<T: Error + 'static>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// The box.
    pub fn into_inner(self) -> Box<dyn Error + Send + Sync> {
        self.0
    }
}

impl fmt::Debug for BoxedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for BoxedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for BoxedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

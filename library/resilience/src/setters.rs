//! Setters of rules: a method for each field, named after it. Rules cannot be written as literals outside of this crate, so that a new field is
//! no breaking change.

/// Makes setters of these fields: `set` takes the type of the field, and `own` does for rules that are not `Copy`; `turn` takes the type, or
/// `None` to turn the guard off.
macro_rules! setters {
    ($rules:ident: set { $($field:ident: $type:ty),* $(,)? } $($turn:tt)*) => {
        impl $rules {
            $(
                #[doc = concat!("The same rules with another `", stringify!($field), "`, as the field of this name tells.")]
                #[must_use]
                pub const fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
        setters!($rules: own {} $($turn)*);
    };
    ($rules:ident: own { $($field:ident: $type:ty),* $(,)? } turn { $($guard:ident: $kind:ty),* $(,)? }) => {
        impl $rules {
            $(
                #[doc = concat!("The same rules with another `", stringify!($field), "`, as the field of this name tells.")]
                #[must_use]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
            $(
                #[doc = concat!("The same rules with another `", stringify!($guard), "`, or none, as the field of this name tells.")]
                #[must_use]
                pub fn $guard(mut self, $guard: impl Into<Option<$kind>>) -> Self {
                    self.$guard = $guard.into();
                    self
                }
            )*
        }
    };
}

pub(crate) use setters;

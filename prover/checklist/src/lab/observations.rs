//! The observations of a run that several probes judge: each is made once.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;

/// Observations, one of each type.
#[derive(Default)]
pub(crate) struct Observations(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl Observations {
    /// The observation of this type; none before a probe has made it.
    pub(crate) fn get<T: Clone + 'static>(&self) -> Option<T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref::<T>().cloned()
    }

    /// Takes what an earlier probe has kept of this type; none when it kept nothing.
    pub(crate) fn take<T: 'static>(&mut self) -> Option<T> {
        self.0.remove(&TypeId::of::<T>())?.downcast().ok().map(|kept| *kept)
    }

    /// Keeps an observation for the probes that follow.
    pub(crate) fn keep<T: Send + Sync + 'static>(&mut self, observation: T) {
        self.0.insert(TypeId::of::<T>(), Box::new(observation));
    }
}

impl fmt::Debug for Observations {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} observations", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_is_kept_until_another_of_its_type_is_made() {
        let mut observations = Observations::default();
        assert_eq!(observations.get::<u8>(), None);
        observations.keep(1_u8);
        observations.keep("other");
        observations.keep(2_u8);
        assert_eq!((observations.get::<u8>(), observations.get::<&str>()), (Some(2), Some("other")));
        assert_eq!((observations.take::<u8>(), observations.take::<u8>()), (Some(2), None));
    }
}

//! The properties of a toxic type that its file defines.

use std::any::Any;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::work::Work;

/// The settings of one type of toxic, and with them the type.
///
/// The fields are whole numbers; their names are the attributes in JSON. The default has zeros.
pub(crate) trait Settings: Any + Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned {
    /// The `type` in JSON.
    const WORD: &'static str;
    /// The effect in a few words, for the help text.
    const HELP: &'static str;
    /// The attributes in the order of the fields.
    const ATTRIBUTES: &'static [Attribute] = &[];
    /// True if every byte is passed on unchanged and in order, sooner or later.
    const LOSSLESS: bool = false;
    /// True if the toxic answers requests in the place of the upstream, and so reads the client's stream for both streams.
    const ANSWERS: bool = false;
    /// True if no upstream is needed while the toxic is in the client's stream.
    const DOES_WITHOUT_UPSTREAM: bool = Self::ANSWERS;

    /// Starts the work on one stream of one connection.
    fn work(&self) -> Box<dyn Work>;
}

/// An attribute of a toxic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The name in JSON.
    pub name: &'static str,
    /// The unit, and a special value if there is one; empty where the name says it.
    pub unit: &'static str,
}

impl Attribute {
    pub(super) const fn new(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit }
    }
}

//! The toxics: the types, their settings, and their JSON, which is Toxiproxy's.
//!
//! A toxic type is one file here and one line in the table [`TYPES`]. The file defines the settings, the word, the help and
//! the work; the table makes the variant of [`Kind`], its JSON and its line in `keel proxy toxic add --help`.

mod answer;
mod attributes;
mod bandwidth;
mod blackhole;
mod corrupt;
mod endless;
mod garbage;
mod half_open;
mod hang;
mod latency;
mod limit_data;
mod lost_answer;
mod noop;
mod reset_peer;
mod reset_request;
mod server_error;
mod settings;
mod slicer;
mod slow_close;
mod timeout;
mod work;

use std::any::Any;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

pub use self::settings::Attribute;
pub(crate) use self::settings::Settings;
pub(crate) use self::work::{Removal, STAGE_BYTES, Turn, Work};

/// Makes [`Kind`] and [`TYPES`] of the settings of each type.
macro_rules! toxics {
    ($($file:ident::$kind:ident,)*) => {
        $(pub use self::$file::$kind;)*

        /// The effect of a toxic, with its settings.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Kind {
            $(
                #[doc = concat!("See [`", stringify!($kind), "`].")]
                $kind($kind),
            )*
        }

        /// Every type of toxic, Toxiproxy's first.
        pub const TYPES: &[Type] = &[$(
            Type {
                word: $kind::WORD,
                help: $kind::HELP,
                attributes: $kind::ATTRIBUTES,
                lossless: $kind::LOSSLESS,
                answers: $kind::ANSWERS,
                does_without_upstream: $kind::DOES_WITHOUT_UPSTREAM,
                default: || Kind::$kind($kind::default()),
            },
        )*];

        $(
            impl From<$kind> for Kind {
                fn from(settings: $kind) -> Self {
                    Self::$kind(settings)
                }
            }
        )*

        impl Kind {
            /// Returns the `type` in JSON.
            pub fn word(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $kind::WORD,)*
                }
            }

            /// Returns the same kind with these attributes changed. Others keep their values, unknown ones are ignored, as
            /// Toxiproxy does.
            ///
            /// # Errors
            /// Says which value does not fit.
            pub fn with(&self, attributes: &Map<String, Value>) -> Result<Self, String> {
                match self {
                    $(Self::$kind(now) => attributes::merge(now, attributes).map(Self::$kind),)*
                }
            }

            /// Starts the work on one stream of one connection.
            pub(crate) fn work(&self) -> Box<dyn Work> {
                match self {
                    $(Self::$kind(settings) => settings.work(),)*
                }
            }

            /// Returns the settings, for [`Work::change`].
            pub(crate) fn settings(&self) -> &dyn Any {
                match self {
                    $(Self::$kind(settings) => settings,)*
                }
            }
        }

        impl Serialize for Kind {
            /// Writes the attributes.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$kind(settings) => attributes::write(settings, serializer),)*
                }
            }
        }
    };
}

toxics! {
    // Toxiproxy's.
    noop::Noop,
    latency::Latency,
    bandwidth::Bandwidth,
    slow_close::SlowClose,
    timeout::Timeout,
    reset_peer::ResetPeer,
    slicer::Slicer,
    limit_data::LimitData,
    // Beyond Toxiproxy.
    corrupt::Corrupt,
    blackhole::Blackhole,
    half_open::HalfOpen,
    hang::Hang,
    garbage::Garbage,
    server_error::ServerError,
    endless::Endless,
    reset_request::ResetRequest,
    lost_answer::LostAnswer,
}

/// One type of toxic.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    /// The `type` in JSON.
    pub word: &'static str,
    /// The effect in a few words.
    pub help: &'static str,
    /// The attributes in the order of the settings' fields.
    pub attributes: &'static [Attribute],
    /// True if every byte is passed on unchanged and in order, sooner or later.
    pub lossless: bool,
    answers: bool,
    does_without_upstream: bool,
    default: fn() -> Kind,
}

impl Type {
    /// Returns the kind with default settings (zeros).
    pub fn kind(&self) -> Kind {
        (self.default)()
    }

    /// Returns the attributes with their units, such as `latency, jitter (ms)`.
    pub fn usage(&self) -> String {
        let groups = self.attributes.chunk_by(|one, other| one.unit == other.unit);
        let group = |group: &[Attribute]| {
            let names: Vec<&str> = group.iter().map(|attribute| attribute.name).collect();
            let unit = group.first().map_or("", |attribute| attribute.unit);
            if unit.is_empty() { names.join(", ") } else { format!("{} ({unit})", names.join(", ")) }
        };
        groups.map(group).collect::<Vec<_>>().join(", ")
    }
}

impl Kind {
    /// Returns the kind of this type with default settings (zeros).
    pub fn parse(word: &str) -> Option<Self> {
        TYPES.iter().find(|kind| kind.word == word).map(Type::kind)
    }

    /// Returns true if no upstream is needed while the toxic is in the client's stream.
    pub(crate) fn does_without_upstream(&self) -> bool {
        TYPES.iter().any(|kind| kind.word == self.word() && kind.does_without_upstream)
    }

    fn answers(&self) -> bool {
        TYPES.iter().any(|kind| kind.word == self.word() && kind.answers)
    }
}

/// One toxic of a proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct Toxic {
    /// Unique within its proxy.
    pub name: String,
    /// The direction that it poisons.
    pub stream: Stream,
    /// The share of connections that it poisons, 0 to 1; drawn once for each connection.
    pub toxicity: f32,
    /// The effect, with its settings.
    pub kind: Kind,
}

/// A direction of a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// From the client to the upstream.
    Upstream,
    /// From the upstream to the client.
    #[default]
    Downstream,
}

impl Toxic {
    /// Makes a toxic that poisons every connection, named as Toxiproxy names it: `<type>_<stream>`.
    pub fn new(stream: Stream, kind: impl Into<Kind>) -> Self {
        let kind = kind.into();
        Self { name: format!("{}_{}", kind.word(), stream.word()), stream, toxicity: 1.0, kind }
    }

    /// Returns the direction of the chain it is in: toxics that answer requests read the client's side for both streams.
    pub(crate) fn chain(&self) -> Stream {
        if self.kind.answers() { Stream::Upstream } else { self.stream }
    }
}

impl Serialize for Toxic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut toxic = serializer.serialize_struct("Toxic", 5)?;
        toxic.serialize_field("attributes", &self.kind)?;
        toxic.serialize_field("name", &self.name)?;
        toxic.serialize_field("type", self.kind.word())?;
        toxic.serialize_field("stream", self.stream.word())?;
        // As Go writes a float32: 1, not 1.0, and 0.2, not 0.20000000298.
        match self.toxicity.fract() == 0.0 && self.toxicity.abs() < 1e6 {
            true => toxic.serialize_field("toxicity", &(self.toxicity as i64))?,
            false => toxic.serialize_field("toxicity", &self.toxicity)?,
        }
        toxic.end()
    }
}

impl Stream {
    /// Returns the word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }

    /// Parses the word, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Upstream, Self::Downstream].into_iter().find(|stream| word.eq_ignore_ascii_case(stream.word()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_lists_the_fields_of_its_settings_as_attributes_in_order() {
        for kind in TYPES {
            let text = serde_json::to_string(&kind.kind()).unwrap_or_default();
            let zeros: Vec<String> =
                kind.attributes.iter().map(|attribute| format!("\"{}\":0", attribute.name)).collect();
            assert_eq!(text, format!("{{{}}}", zeros.join(",")), "{}", kind.word);
        }
    }
}

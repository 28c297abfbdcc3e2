//! What is done to a stream: the kinds of toxics, their settings, and their JSON, which is Toxiproxy's.

mod answer;
mod bandwidth;
mod blackhole;
mod corrupt;
mod half_open;
mod hang;
mod latency;
mod limit_data;
mod lost_answer;
mod reset_peer;
mod slicer;
mod slow_close;
mod timeout;

use rand::rngs::ChaCha12Rng;
use serde::de::DeserializeOwned;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use tokio::time::Instant;

pub use self::bandwidth::Bandwidth;
pub use self::corrupt::Corrupt;
pub use self::half_open::HalfOpen;
pub use self::latency::Latency;
pub use self::limit_data::LimitData;
pub use self::reset_peer::ResetPeer;
pub use self::slicer::Slicer;
pub use self::slow_close::SlowClose;
pub use self::timeout::Timeout;
use super::queue::{Answer, End, Queue};

/// One toxic of a proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct Toxic {
    /// Unique within its proxy.
    pub name: String,
    /// Which direction it poisons.
    pub stream: Stream,
    /// The share of connections that it poisons, 0 to 1; drawn once for each connection.
    pub toxicity: f32,
    /// What it does, and with which settings.
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

/// What a toxic does. The first nine are Toxiproxy's.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Nothing.
    Noop,
    /// Passes everything on later.
    Latency(Latency),
    /// Passes bytes on at a limited rate.
    Bandwidth(Bandwidth),
    /// Passes the end on later.
    SlowClose(SlowClose),
    /// Passes nothing on, and closes after a while.
    Timeout(Timeout),
    /// Resets the connection when something comes, or a while after.
    ResetPeer(ResetPeer),
    /// Passes small pieces on, with pauses.
    Slicer(Slicer),
    /// Closes after so many bytes.
    LimitData(LimitData),
    /// Flips bits.
    Corrupt(Corrupt),
    /// Never reads: the sender's window fills. Nothing is lost; when it is removed everything flows on.
    Blackhole,
    /// Cuts the source off and does not tell the destination.
    HalfOpen(HalfOpen),
    /// Reads everything and passes nothing on. A connection that lost bytes so is reset when it is removed.
    Hang,
    /// Answers the request with bytes that are no protocol, without the upstream.
    Garbage,
    /// Answers the request with 500, as HTTP, without the upstream.
    ServerError,
    /// Answers the request with 200 and a body that never ends, as HTTP, without the upstream.
    Endless,
    /// Resets the connection once the whole request has been read, without the upstream.
    ResetRequest,
    /// Passes the request on, waits for the answer, and closes without giving it.
    LostAnswer,
}

/// Every type that can be asked for.
pub const TYPES: [&str; 17] = [
    "noop",
    "latency",
    "bandwidth",
    "slow_close",
    "timeout",
    "reset_peer",
    "slicer",
    "limit_data",
    "corrupt",
    "blackhole",
    "half_open",
    "hang",
    "garbage",
    "server_error",
    "endless",
    "reset_request",
    "lost_answer",
];

impl Toxic {
    /// One that poisons every connection, named as Toxiproxy names it: `<type>_<stream>`.
    pub fn new(stream: Stream, kind: Kind) -> Self {
        Self { name: format!("{}_{}", kind.word(), stream.word()), stream, toxicity: 1.0, kind }
    }

    /// The direction in whose chain it stands: toxics that answer requests read the client's side whatever they poison.
    pub(super) fn chain(&self) -> Stream {
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
    /// As it is written in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }

    /// Reads it, whatever its case.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Upstream, Self::Downstream].into_iter().find(|stream| word.eq_ignore_ascii_case(stream.word()))
    }
}

impl Kind {
    /// One with default settings (zeros).
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "noop" => Self::Noop,
            "latency" => Self::Latency(Latency::default()),
            "bandwidth" => Self::Bandwidth(Bandwidth::default()),
            "slow_close" => Self::SlowClose(SlowClose::default()),
            "timeout" => Self::Timeout(Timeout::default()),
            "reset_peer" => Self::ResetPeer(ResetPeer::default()),
            "slicer" => Self::Slicer(Slicer::default()),
            "limit_data" => Self::LimitData(LimitData::default()),
            "corrupt" => Self::Corrupt(Corrupt::default()),
            "blackhole" => Self::Blackhole,
            "half_open" => Self::HalfOpen(HalfOpen::default()),
            "hang" => Self::Hang,
            "garbage" => Self::Garbage,
            "server_error" => Self::ServerError,
            "endless" => Self::Endless,
            "reset_request" => Self::ResetRequest,
            "lost_answer" => Self::LostAnswer,
            _ => return None,
        })
    }

    /// Its `type` in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Noop => "noop",
            Self::Latency(_) => "latency",
            Self::Bandwidth(_) => "bandwidth",
            Self::SlowClose(_) => "slow_close",
            Self::Timeout(_) => "timeout",
            Self::ResetPeer(_) => "reset_peer",
            Self::Slicer(_) => "slicer",
            Self::LimitData(_) => "limit_data",
            Self::Corrupt(_) => "corrupt",
            Self::Blackhole => "blackhole",
            Self::HalfOpen(_) => "half_open",
            Self::Hang => "hang",
            Self::Garbage => "garbage",
            Self::ServerError => "server_error",
            Self::Endless => "endless",
            Self::ResetRequest => "reset_request",
            Self::LostAnswer => "lost_answer",
        }
    }

    /// The same kind with these attributes changed; others keep their values, unknown ones are ignored, as Toxiproxy does.
    ///
    /// # Errors
    /// Says which value does not fit.
    pub fn with(&self, attributes: &Map<String, Value>) -> Result<Self, String> {
        Ok(match self {
            Self::Latency(now) => Self::Latency(merge(now, attributes)?),
            Self::Bandwidth(now) => Self::Bandwidth(merge(now, attributes)?),
            Self::SlowClose(now) => Self::SlowClose(merge(now, attributes)?),
            Self::Timeout(now) => Self::Timeout(merge(now, attributes)?),
            Self::ResetPeer(now) => Self::ResetPeer(merge(now, attributes)?),
            Self::Slicer(now) => Self::Slicer(merge(now, attributes)?),
            Self::LimitData(now) => Self::LimitData(merge(now, attributes)?),
            Self::Corrupt(now) => Self::Corrupt(merge(now, attributes)?),
            Self::HalfOpen(now) => Self::HalfOpen(merge(now, attributes)?),
            simple => simple.clone(),
        })
    }

    fn answers(&self) -> bool {
        matches!(self, Self::Garbage | Self::ServerError | Self::Endless | Self::ResetRequest)
    }

    /// Whether the upstream is of no use while it stands in the client's stream.
    pub(super) fn does_without_upstream(&self) -> bool {
        self.answers() || matches!(self, Self::Hang | Self::Blackhole)
    }

    /// What does it on one stream of one connection.
    pub(super) fn work(&self) -> Box<dyn Work> {
        match self {
            Self::Noop => Box::new(Noop),
            Self::Latency(settings) => Box::new(latency::Delay::new(*settings)),
            Self::Bandwidth(settings) => Box::new(bandwidth::Meter::new(*settings)),
            Self::SlowClose(settings) => Box::new(slow_close::Late::new(*settings)),
            Self::Timeout(settings) => Box::new(timeout::Silence::new(*settings)),
            Self::ResetPeer(settings) => Box::new(reset_peer::Fuse::new(*settings)),
            Self::Slicer(settings) => Box::new(slicer::Knife::new(*settings)),
            Self::LimitData(settings) => Box::new(limit_data::Allowance::new(*settings)),
            Self::Corrupt(settings) => Box::new(corrupt::Noise::new(*settings)),
            Self::Blackhole => Box::new(blackhole::Hole),
            Self::HalfOpen(settings) => Box::new(half_open::Cut::new(*settings)),
            Self::Hang => Box::new(hang::Swallow::default()),
            Self::Garbage => Box::new(answer::Stand::new(End::Answer(Answer::Garbage))),
            Self::ServerError => Box::new(answer::Stand::new(End::Answer(Answer::ServerError))),
            Self::Endless => Box::new(answer::Stand::new(End::Answer(Answer::Endless))),
            Self::ResetRequest => Box::new(answer::Stand::new(End::Reset)),
            Self::LostAnswer => Box::new(lost_answer::Loss),
        }
    }
}

impl Serialize for Kind {
    /// Its attributes.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Latency(settings) => settings.serialize(serializer),
            Self::Bandwidth(settings) => settings.serialize(serializer),
            Self::SlowClose(settings) => settings.serialize(serializer),
            Self::Timeout(settings) => settings.serialize(serializer),
            Self::ResetPeer(settings) => settings.serialize(serializer),
            Self::Slicer(settings) => settings.serialize(serializer),
            Self::LimitData(settings) => settings.serialize(serializer),
            Self::Corrupt(settings) => settings.serialize(serializer),
            Self::HalfOpen(settings) => settings.serialize(serializer),
            _ => Map::new().serialize(serializer),
        }
    }
}

/// The settings with some of them changed. Names fit whatever their case, as Go's decoder has it.
fn merge<S: Serialize + DeserializeOwned>(now: &S, attributes: &Map<String, Value>) -> Result<S, String> {
    let mut merged = serde_json::to_value(now).map_err(|error| error.to_string())?;
    if let Value::Object(merged) = &mut merged {
        for (name, value) in attributes {
            let known = merged.get_mut(&name.to_ascii_lowercase());
            if let (Some(slot), false) = (known, value.is_null()) {
                *slot = whole(value);
                if !slot.is_i64() {
                    return Err(format!("attributes.{name}: {value} is not a whole number that fits 64 bits"));
                }
            }
        }
    }
    serde_json::from_value(merged).map_err(|error| error.to_string())
}

/// `100.0` is 100: clients of languages with one kind of number write either.
fn whole(value: &Value) -> Value {
    match value.as_f64() {
        Some(number) if !value.is_i64() && number.fract() == 0.0 && number.abs() < 9e15 => Value::from(number as i64),
        _ => value.clone(),
    }
}

/// The bytes that a toxic without a reason for more holds.
pub(super) const STAGE_BYTES: usize = 256 << 10;

/// What a toxic does to one stream of one connection. It never waits: it moves what may go now, and says when to come again.
pub(super) trait Work: Send + std::fmt::Debug {
    /// Moves what may go now from one queue to the next. When time alone will let more go: at which instant.
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, turn: &mut Turn<'_>) -> Option<Instant>;

    /// The settings have changed; what was done so far stays done.
    fn change(&mut self, _kind: &Kind) {}

    /// The bytes that it may hold; with 0 it takes nothing.
    fn capacity(&self) -> usize {
        STAGE_BYTES
    }

    /// What becomes of the connection when it is removed.
    fn removal(&self) -> Removal {
        Removal::Flush
    }
}

/// What becomes of a connection when a toxic is taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// What the toxic held goes on.
    Flush,
    /// The stream has a hole: the connection ends so.
    End(End),
}

/// What a toxic may know at the moment.
pub(super) struct Turn<'a> {
    pub(super) now: Instant,
    pub(super) luck: &'a mut ChaCha12Rng,
    /// The client has said something on this connection.
    pub(super) client_spoke: bool,
}

#[derive(Debug)]
struct Noop;

impl Work for Noop {
    fn advance(&mut self, from: &mut Queue, to: &mut Queue, _: &mut Turn<'_>) -> Option<Instant> {
        from.pass(to);
        None
    }
}

/// A setting in milliseconds; below zero counts as zero.
fn milliseconds(setting: i64) -> std::time::Duration {
    std::time::Duration::from_millis(u64::try_from(setting).unwrap_or(0).min(LONGEST_MS))
}

/// Ten years: beyond any wait, and far from where instants end.
const LONGEST_MS: u64 = 10 * 365 * 86_400_000;

//! The parts of traces, metrics and logs that are kept of what a service exports.

/// A span as it was exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Trace id, 32 lower-case hexadecimal digits.
    pub trace: String,
    /// Its id, 16 lower-case hexadecimal digits.
    pub id: String,
    /// Id of its parent; empty when it has none.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// True if its status is an error.
    pub failed: bool,
    /// The trace ids of its links.
    pub links: Vec<String>,
}

/// Kind of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Not said.
    #[default]
    Unspecified,
    /// Work inside.
    Internal,
    /// A request that is answered.
    Server,
    /// A call.
    Client,
    /// A message that is sent.
    Producer,
    /// A message that is worked on.
    Consumer,
}

impl Kind {
    /// The kind of this number.
    pub(super) fn of_number(number: i64) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }

    /// The kind of this name, such as `SPAN_KIND_SERVER`.
    pub(super) fn of_name(name: &str) -> Self {
        match name.trim_start_matches("SPAN_KIND_") {
            "INTERNAL" => Self::Internal,
            "SERVER" => Self::Server,
            "CLIENT" => Self::Client,
            "PRODUCER" => Self::Producer,
            "CONSUMER" => Self::Consumer,
            _ => Self::Unspecified,
        }
    }
}

/// A metric as it was exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// True if it is a histogram.
    pub is_histogram: bool,
    /// The number of its series with a value.
    pub points: usize,
    /// The measurements in its histograms, all series together; 0 for other metrics.
    pub count: u64,
}

/// The content of one export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces(Vec<Span>),
    Metrics(Vec<Metric>),
    /// The trace id of each log record; empty for one that has none.
    Logs(Vec<String>),
}

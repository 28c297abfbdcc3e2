//! Recipe that reads the metrics before and after some requests.

use keel_wire::http::Request;

/// Sends requests between two readings of the metrics: the fault is that no such series rises by the number of requests.
#[derive(Clone, Debug)]
pub struct Series {
    /// The path of the metrics, on the admin listener if there is one.
    pub path: String,
    /// The request that is sent.
    pub request: Request,
    /// The number of requests.
    pub times: usize,
    /// The number of requests for paths that do not exist.
    pub lost: usize,
    /// The kind of the series.
    pub kind: Kind,
    /// Regular expression over the name and labels of the series.
    pub series: String,
    /// The number by which it must rise; none for any rise.
    pub by: Option<usize>,
}

/// Kind of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A counter, by its type or its name, or the count of a histogram.
    Counter,
    /// The count of a histogram or summary.
    Count,
    /// Any kind.
    Any,
}

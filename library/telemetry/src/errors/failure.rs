//! Description of failed work.

use std::net::IpAddr;
use std::time::Duration;

use vitals::TraceContext;

/// A request, or an attempt of a job, that has failed.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// `request` or `job`.
    pub work: &'static str,
    /// The route's pattern, or the kind of the job.
    pub name: &'a str,
    /// The method; empty for a job.
    pub method: &'a str,
    /// The status of the answer; none for a job.
    pub status: Option<u16>,
    /// Type and text of a job's error; the text is shown without secrets.
    pub error: Option<(&'static str, &'a str)>,
    /// Its id.
    pub request_id: &'a str,
    /// Its span.
    pub trace: TraceContext,
    /// Its duration.
    pub took: Duration,
    /// Time until it would have been ended.
    pub deadline_left: Option<Duration>,
    /// Its criticality.
    pub criticality: &'static str,
}

/// The rest of a failed request, made where a report is made.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// Path without the query.
    pub path: String,
    /// Query; its secrets are removed in the report.
    pub query: Option<String>,
    /// Some of its headers, none of which holds secrets.
    pub headers: Vec<(&'static str, String)>,
    /// Its client, of which the report has a keyed hash.
    pub client: Option<IpAddr>,
    /// Numbers of the load at the time, such as requests in flight and their limit.
    pub load: Vec<(&'static str, u64)>,
}

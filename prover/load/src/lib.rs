//! An open-loop load generator for tests: it sends requests on schedule, whether the server keeps up or not, and judges the
//! answers by thresholds.
//!
//! Latency counts from the time at which a request was *intended* to be sent, so that a server that stalls is charged for
//! every request that would have come meanwhile (Gil Tene, "How NOT to Measure Latency": coordinated omission). The time from
//! the sending itself is kept beside it.
//!
//! - [`Plan`]: the requests, the target, and the schedule; [`run`] carries it out.
//! - [`profile`]: the rate over time, and arrival times made from it.
//! - [`Report`]: the answers, a histogram per kind of request and outcome.
//! - [`threshold`]: bounds such as `p99<200ms` and `errors<1%`, held against a report.
//! - [`Watch`]: the figures of each second, and every request that is over, while the run goes on.
//! - [`Samples`]: every request one by one, for reports of a part of the run.
//! - [`page`], [`hdr_log`], [`plot`]: the report as a page with plots, and as a log that HdrHistogram's tools read.
//!
//! A load test (`examples/load_test.rs` is longer):
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use keel_load::profile::Profile;
//! use keel_load::threshold::Threshold;
//! use keel_load::{Kind, Plan, Watch};
//!
//! # let server = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let target = format!("http://{}", server.local_addr()?);
//! # tokio::spawn(async move { loop {
//! #     let Ok((mut client, _)) = server.accept().await else { return };
//! #     tokio::spawn(async move {
//! #         use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! #         let mut piece = [0; 1024];
//! #         while client.read(&mut piece).await.is_ok_and(|length| length > 0) {
//! #             if client.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() { return }
//! #         }
//! #     });
//! # } });
//! let mut plan = Plan::new(target.parse()?, Profile::constant(100.0, Duration::from_millis(500)));
//! plan.kinds = vec![Kind::get("look", "/things/{n}")];
//! let report = keel_load::run(plan, Watch::default(), std::future::pending()).await?;
//! assert_eq!(report.total().expected(), 50);
//!
//! let judged = "p99<5s".parse::<Threshold>()?.judge(&report.figures());
//! assert!(judged.met, "{}: {}", judged.threshold, judged.measured);
//! # Ok(()) }
//! ```
//!
//! Load goes to this machine only, over plain HTTP/1.1 or HTTP/2. How late requests were really sent is in [`Report::lag`], and
//! a run that was late too often is [`Validity::Behind`]: its figures are not those of the load that was asked for.
//!
//! # Features and platforms
//!
//! | feature | adds | on by default |
//! |---|---|---|
//! | `tls` | load on servers behind TLS and on Unix sockets | no |
//!
//! On Linux the schedule is kept with a `timerfd`, to some tens of microseconds on an idle machine; elsewhere with the runtime's timers, to a millisecond. Several source
//! addresses need Linux, where all of 127.0.0.0/8 is local. Tested on Linux.

mod answer;
mod connect;
mod dispatch;
pub mod hdr_log;
mod headers;
mod http1;
mod http2;
mod kind;
mod latencies;
mod live_stats;
mod outcome;
pub mod page;
pub mod page_style;
mod plan;
pub mod plot;
mod pool;
pub mod profile;
pub mod report;
mod samples;
mod template;
pub mod threshold;
#[cfg_attr(not(target_os = "linux"), path = "timer_elsewhere.rs")]
mod timer;
mod watch;
mod worker;

pub use self::answer::Head;
pub use self::dispatch::run;
pub use self::kind::Kind;
pub use self::outcome::Outcome;
pub use self::plan::{ALLOWED_LAG, MAX_CONNECTIONS, MAX_RETRIES, MAX_SOURCES, MAX_STREAMS, Plan, PlanError, Protocol};
pub use self::pool::MAX_WAITING;
pub use self::profile::{MAX_LENGTH, MAX_RATE};
pub use self::report::{Figures, Report, Validity};
pub use self::samples::{MAX_SAMPLES, Part, Sample, Samples};
pub use self::template::{FilledRequest, Filling, Fillings};
pub use self::watch::{Completed, Live, Observer, Watch};

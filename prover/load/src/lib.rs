//! Open-loop load: requests are sent at times that were fixed in advance, whatever becomes of those before.
//!
//! Latency counts from the time at which a request was *intended* to be sent, so that a server that stalls is charged for
//! everybody who would have asked meanwhile (Gil Tene, "How NOT to Measure Latency": coordinated omission). The time from the
//! sending itself is kept beside it.
//!
//! - [`Plan`]: what is sent, to where, when; [`run`] carries it out.
//! - [`profile`]: the rate over time, and arrival times made from it.
//! - [`Report`]: what came back, a histogram per kind of request and outcome; [`threshold`] judges it.
//! - [`Samples`]: every request one by one, for reports of a part of the run.
//! - [`plot`]: plots as SVG, which other reports use too.
//! - [`page`], [`hdr_log`]: the report as a page with plots, and as a log that HdrHistogram's tools read.
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use keel_load::{Kind, Plan, profile::Profile};
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
//! let report = keel_load::run(plan, keel_load::Watch::default(), std::future::pending()).await?;
//! assert_eq!(report.total().expected(), 50);
//! println!("99 of 100 within {:?}", report.total().latency().quantile(0.99));
//! # Ok(()) }
//! ```
//!
//! The schedule's precision is that of a `timerfd`, some tens of microseconds on an idle machine; how late requests were
//! really sent is in [`Report::lag`], and a run that was late too often is [`Validity::Behind`].

mod answer;
mod connect;
mod dispatch;
pub mod hdr_log;
mod http1;
mod http2;
mod kind;
mod latencies;
mod live_stats;
mod outcome;
pub mod page;
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

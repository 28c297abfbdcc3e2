//! The latencies second by second as a log of HdrHistogram, version 1.3 of its form, which its plotters and log processors read.
//! Values are in microseconds.

use std::io::Write;
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;

use crate::report::Report;

/// Writes the log of a run that began then.
///
/// # Errors
/// When it cannot be written.
pub fn write(report: &Report, began: SystemTime, to: &mut impl Write) -> std::io::Result<()> {
    let mut serializer = V2DeflateSerializer::new();
    let told = |error: &dyn std::fmt::Debug| std::io::Error::other(format!("the log of histograms: {error:?}"));
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("latency from the intended time of sending, in microseconds")
        .with_start_time(began)
        // Of the column that people read: milliseconds.
        .with_max_value_divisor(1000.0)
        .begin_log_with(to, &mut serializer)?;
    for interval in &report.intervals {
        let histogram = interval.histogram();
        let start = Duration::from_secs(interval.second);
        log.write_histogram(&histogram, start, Duration::from_secs(1), None).map_err(|error| told(&error))?;
    }
    Ok(())
}

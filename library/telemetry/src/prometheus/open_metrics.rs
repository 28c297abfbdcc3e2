//! OpenMetrics 1.0 text, with exemplars (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).

use std::fmt::Write;
use std::time::UNIX_EPOCH;

use vitals::{Exemplar, HistogramSnapshot};

use super::family::{Family, Value, escaped};
use super::sample::{write_number, write_series};

/// Writes one family with its series. Sampled durations are exemplars of their buckets.
pub(super) fn write(out: &mut String, family: &Family<'_>) {
    let (name, suffix) = (family.name.as_str(), family.suffix());
    let _ = writeln!(out, "# TYPE {name} {}", family.kind());
    if !family.unit().is_empty() {
        let _ = writeln!(out, "# UNIT {name} {}", family.unit());
    }
    let _ = writeln!(out, "# HELP {name} {}", escaped(family.column.help));
    for series in family.series() {
        match series.value {
            Value::Number(number) => {
                write_series(out, [name, suffix], series.labels, "");
                write_number(out, number);
                out.push('\n');
            }
            Value::Words(now, words) => {
                for word in words {
                    let label = format!("{}=\"{word}\"", family.column.name);
                    write_series(out, [name, ""], series.labels, &label);
                    let _ = writeln!(out, "{}", u8::from(*word == now));
                }
            }
            Value::Histogram(histogram) => write_histogram(out, name, series.labels, histogram),
        }
    }
}

fn write_histogram(out: &mut String, name: &str, labels: &str, histogram: &HistogramSnapshot) {
    let mut exemplars = histogram.exemplars().iter().peekable();
    for (bound, count) in histogram.classic() {
        write_series(out, [name, "_bucket"], labels, &format!("le=\"{bound:?}\""));
        let _ = write!(out, "{count}");
        let mut within = None;
        while let Some(exemplar) = exemplars.next_if(|exemplar| exemplar.duration.as_secs_f64() <= bound) {
            within = Some(exemplar);
        }
        end_bucket(out, within);
    }
    let count = histogram.count();
    write_series(out, [name, "_bucket"], labels, "le=\"+Inf\"");
    let _ = write!(out, "{count}");
    end_bucket(out, exemplars.next());
    write_series(out, [name, "_sum"], labels, "");
    let _ = writeln!(out, "{:?}", histogram.sum().as_secs_f64());
    write_series(out, [name, "_count"], labels, "");
    let _ = writeln!(out, "{count}");
}

fn end_bucket(out: &mut String, exemplar: Option<&Exemplar>) {
    if let Some(Exemplar { trace, duration, at }) = exemplar {
        let at = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (trace, span) = (trace.trace_id(), trace.span_id());
        let _ = write!(
            out,
            " # {{trace_id=\"{trace}\",span_id=\"{span}\"}} {:?} {}.{:03}",
            duration.as_secs_f64(),
            at.as_secs(),
            at.subsec_millis()
        );
    }
    out.push('\n');
}

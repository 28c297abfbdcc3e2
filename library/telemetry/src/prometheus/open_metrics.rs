//! OpenMetrics 1.0 text, with exemplars (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).

use std::fmt::Write;
use std::time::UNIX_EPOCH;

use vitals::{Exemplar, HistogramSnapshot};

use super::family::{Family, Series, Value, escaped};
use super::sample::{Buckets, write_count, write_number, write_series, write_word};

/// Writes type, unit and help of a family.
pub(super) fn write_head(out: &mut String, family: &Family<'_>) {
    let name = family.name.as_str();
    let _ = writeln!(out, "# TYPE {name} {}", family.kind());
    if !family.unit().is_empty() {
        let _ = writeln!(out, "# UNIT {name} {}", family.unit());
    }
    let _ = writeln!(out, "# HELP {name} {}", escaped(family.column.help));
}

/// Writes one series. Sampled durations are exemplars of their buckets.
pub(super) fn write(out: &mut String, family: &Family<'_>, series: &Series<'_>) {
    let (name, suffix) = (family.name.as_str(), family.suffix());
    match series.value {
        Value::Number(number) => {
            write_series(out, [name, suffix], &series.labels);
            write_number(out, number);
            out.push('\n');
        }
        Value::Words(now, words) => {
            for word in words {
                write_word(out, [name, ""], &series.labels, [family.column.name, word], *word == now);
            }
        }
        Value::Histogram(histogram) => write_histogram(out, name, &series.labels, histogram),
    }
}

fn write_histogram(out: &mut String, name: &str, labels: &str, histogram: &HistogramSnapshot) {
    let mut exemplars = histogram.exemplars().iter().peekable();
    let buckets = Buckets::new(name, labels);
    for (bound, count) in histogram.classic() {
        buckets.write(out, bound);
        write_count(out, count);
        let mut within = None;
        while let Some(exemplar) = exemplars.next_if(|exemplar| exemplar.duration.as_secs_f64() <= bound) {
            within = Some(exemplar);
        }
        end_bucket(out, within);
    }
    let count = histogram.count();
    buckets.write(out, f64::INFINITY);
    write_count(out, count);
    end_bucket(out, exemplars.next());
    write_series(out, [name, "_sum"], labels);
    let _ = writeln!(out, "{:?}", histogram.sum().as_secs_f64());
    write_series(out, [name, "_count"], labels);
    write_count(out, count);
    out.push('\n');
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

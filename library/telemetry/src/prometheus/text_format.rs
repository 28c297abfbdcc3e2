//! Prometheus text, exposition format 0.0.4 (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::Write;

use super::family::{Family, Series, Value};
use super::sample::{Buckets, write_count, write_number, write_series, write_word};

/// Writes help and type of a family.
pub(super) fn write_head(out: &mut String, family: &Family<'_>) {
    let (name, suffix) = (family.name.as_str(), family.suffix());
    let help = family.column.help.replace('\\', "\\\\").replace('\n', "\\n");
    let _ = writeln!(out, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {}", family.kind());
}

/// Writes one series. Histograms have cumulative buckets at powers of two, which are exact.
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
                write_word(out, [name, suffix], &series.labels, [family.column.name, word], *word == now);
            }
        }
        Value::Histogram(histogram) => {
            let buckets = Buckets::new(name, &series.labels);
            for (bound, count) in histogram.classic() {
                buckets.write(out, bound);
                write_count(out, count);
                out.push('\n');
            }
            let count = histogram.count();
            buckets.write(out, f64::INFINITY);
            write_count(out, count);
            out.push('\n');
            write_series(out, [name, "_sum"], &series.labels);
            let _ = writeln!(out, "{}", histogram.sum().as_secs_f64());
            write_series(out, [name, "_count"], &series.labels);
            write_count(out, count);
            out.push('\n');
        }
    }
}

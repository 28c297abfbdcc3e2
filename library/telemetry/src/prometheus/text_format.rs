//! Prometheus text, exposition format 0.0.4 (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::Write;

use super::family::{Family, Value};
use super::sample::{write_number, write_series};

/// Writes one family with its series. Histograms have cumulative buckets at powers of two, which are exact.
pub(super) fn write(out: &mut String, family: &Family<'_>) {
    let (name, suffix) = (family.name.as_str(), family.suffix());
    let help = family.column.help.replace('\\', "\\\\").replace('\n', "\\n");
    let _ = writeln!(out, "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {}", family.kind());
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
                    write_series(out, [name, suffix], series.labels, &label);
                    let _ = writeln!(out, "{}", u8::from(*word == now));
                }
            }
            Value::Histogram(histogram) => {
                for (bound, count) in histogram.classic() {
                    write_series(out, [name, "_bucket"], series.labels, &format!("le=\"{bound:?}\""));
                    let _ = writeln!(out, "{count}");
                }
                let count = histogram.count();
                write_series(out, [name, "_bucket"], series.labels, "le=\"+Inf\"");
                let _ = writeln!(out, "{count}");
                write_series(out, [name, "_sum"], series.labels, "");
                let _ = writeln!(out, "{}", histogram.sum().as_secs_f64());
                write_series(out, [name, "_count"], series.labels, "");
                let _ = writeln!(out, "{count}");
            }
        }
    }
}

//! Prometheus protobuf, length-delimited, with native histograms
//! (<https://prometheus.io/docs/specs/native_histograms/>, `io/prometheus/client/metrics.proto`).

use std::time::UNIX_EPOCH;

use prost::{Message, encoding};
use vitals::{HistogramSnapshot, exponential};

use super::family::{Family, Value};

/// The messages that are written, with the tags of `metrics.proto`; others of it are not needed.
mod message {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct LabelPair {
        #[prost(string, optional, tag = "1")]
        pub(super) name: Option<String>,
        #[prost(string, optional, tag = "2")]
        pub(super) value: Option<String>,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(super) struct Number {
        #[prost(double, optional, tag = "1")]
        pub(super) value: Option<f64>,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(super) struct Timestamp {
        #[prost(int64, tag = "1")]
        pub(super) seconds: i64,
        #[prost(int32, tag = "2")]
        pub(super) nanos: i32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub(super) label: Vec<LabelPair>,
        #[prost(double, optional, tag = "2")]
        pub(super) value: Option<f64>,
        #[prost(message, optional, tag = "3")]
        pub(super) timestamp: Option<Timestamp>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Bucket {
        #[prost(uint64, optional, tag = "1")]
        pub(super) cumulative_count: Option<u64>,
        #[prost(double, optional, tag = "2")]
        pub(super) upper_bound: Option<f64>,
        #[prost(message, optional, tag = "3")]
        pub(super) exemplar: Option<Exemplar>,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(super) struct BucketSpan {
        #[prost(sint32, optional, tag = "1")]
        pub(super) offset: Option<i32>,
        #[prost(uint32, optional, tag = "2")]
        pub(super) length: Option<u32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Histogram {
        #[prost(uint64, optional, tag = "1")]
        pub(super) sample_count: Option<u64>,
        #[prost(double, optional, tag = "2")]
        pub(super) sample_sum: Option<f64>,
        #[prost(message, repeated, tag = "3")]
        pub(super) bucket: Vec<Bucket>,
        #[prost(sint32, optional, tag = "5")]
        pub(super) schema: Option<i32>,
        #[prost(double, optional, tag = "6")]
        pub(super) zero_threshold: Option<f64>,
        #[prost(uint64, optional, tag = "7")]
        pub(super) zero_count: Option<u64>,
        #[prost(message, repeated, tag = "12")]
        pub(super) positive_span: Vec<BucketSpan>,
        #[prost(sint64, repeated, packed = "false", tag = "13")]
        pub(super) positive_delta: Vec<i64>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Metric {
        #[prost(message, repeated, tag = "1")]
        pub(super) label: Vec<LabelPair>,
        #[prost(message, optional, tag = "2")]
        pub(super) gauge: Option<Number>,
        #[prost(message, optional, tag = "3")]
        pub(super) counter: Option<Number>,
        #[prost(message, optional, tag = "7")]
        pub(super) histogram: Option<Histogram>,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
    #[repr(i32)]
    pub(super) enum MetricType {
        Counter = 0,
        Gauge = 1,
        Histogram = 4,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct MetricFamily {
        #[prost(string, optional, tag = "1")]
        pub(super) name: Option<String>,
        #[prost(string, optional, tag = "2")]
        pub(super) help: Option<String>,
        #[prost(enumeration = "MetricType", optional, tag = "3")]
        pub(super) kind: Option<i32>,
        #[prost(message, repeated, tag = "4")]
        pub(super) metric: Vec<Metric>,
        #[prost(string, optional, tag = "5")]
        pub(super) unit: Option<String>,
    }
}

use message::{
    Bucket, BucketSpan, Exemplar, Histogram, LabelPair, Metric, MetricFamily, MetricType, Number, Timestamp,
};

/// The tag of the series in a `MetricFamily`.
const METRIC: u32 = 4;

/// Writes the length of a family and all of it but its series.
pub(super) fn write_head(out: &mut Vec<u8>, family: &Family<'_>) {
    let head = MetricFamily {
        name: Some(format!("{}{}", family.name, family.suffix())),
        help: Some(family.column.help.to_owned()),
        kind: Some(kind_of(family) as i32),
        metric: Vec::new(),
        unit: Some(family.unit().to_owned()).filter(|unit| !unit.is_empty()),
    };
    let mut length = head.encoded_len();
    for row in 0..family.len() {
        // Made again when they are written: all of them would take several times the memory of the rest of a scrape.
        each_metric(family, row, |metric| length += encoding::message::encoded_len(METRIC, &metric));
    }
    encoding::encode_varint(length as u64, out);
    out.extend_from_slice(&head.encode_to_vec());
}

/// Writes the series of a row.
pub(super) fn write(out: &mut Vec<u8>, family: &Family<'_>, row: usize) {
    each_metric(family, row, |metric| encoding::message::encode(METRIC, &metric, out));
}

fn kind_of(family: &Family<'_>) -> MetricType {
    match family.kind() {
        "counter" => MetricType::Counter,
        "histogram" => MetricType::Histogram,
        _ => MetricType::Gauge,
    }
}

/// Makes the series of a row: several where it is a state of known words.
fn each_metric(family: &Family<'_>, row: usize, mut take: impl FnMut(Metric)) {
    let labels = labels_of(family, row);
    match family.value_of(row) {
        Value::Number(value) => take(number(kind_of(family), labels, value)),
        Value::Words(now, words) => words.iter().for_each(|word| {
            let mut labels = labels.clone();
            labels.push(pair(family.column.name, word));
            take(number(MetricType::Gauge, labels, f64::from(u8::from(*word == now))));
        }),
        Value::Histogram(histogram) => {
            let histogram = Some(of_histogram(histogram));
            take(Metric { label: labels, histogram, ..Metric::default() });
        }
    }
}

fn number(kind: MetricType, label: Vec<LabelPair>, value: f64) -> Metric {
    let number = Some(Number { value: Some(value) });
    match kind {
        MetricType::Counter => Metric { label, counter: number, ..Metric::default() },
        MetricType::Gauge | MetricType::Histogram => Metric { label, gauge: number, ..Metric::default() },
    }
}

fn labels_of(family: &Family<'_>, row: usize) -> Vec<LabelPair> {
    family.labels(row).map(|(name, value)| pair(name, value)).collect()
}

fn pair(name: &str, value: &str) -> LabelPair {
    LabelPair { name: Some(name.to_owned()), value: Some(value.to_owned()) }
}

/// A native histogram, and beside it the classic buckets for scrapers that do not keep native ones.
fn of_histogram(histogram: &HistogramSnapshot) -> Histogram {
    let mut exemplars = histogram.exemplars().iter().peekable();
    let mut bucket: Vec<Bucket> = Vec::new();
    let infinity = (f64::INFINITY, histogram.count());
    for (bound, count) in histogram.classic().chain([infinity]) {
        let mut exemplar = None;
        while let Some(next) = exemplars.next_if(|next| next.duration.as_secs_f64() <= bound) {
            exemplar = Some(exemplar_of(next));
        }
        bucket.push(Bucket { cumulative_count: Some(count), upper_bound: Some(bound), exemplar });
    }
    let (positive_span, positive_delta) = spans(histogram);
    let zero = histogram.buckets().find(|(index, _)| *index == 0).map_or(0, |(_, count)| count);
    Histogram {
        sample_count: Some(histogram.count()),
        sample_sum: Some(histogram.sum().as_secs_f64()),
        bucket,
        schema: Some(exponential::SCALE),
        zero_threshold: Some(f64::from(exponential::SMALLEST_EXPONENT).exp2()),
        zero_count: Some(zero),
        positive_span,
        positive_delta,
    }
}

/// Runs of used buckets, and the difference of each count to the one before.
fn spans(histogram: &HistogramSnapshot) -> (Vec<BucketSpan>, Vec<i64>) {
    let (mut spans, mut deltas): (Vec<BucketSpan>, Vec<i64>) = (Vec::new(), Vec::new());
    // The bucket that ends at one second has the index 0.
    let second = exponential::buckets_up_to(0) as i32 - 1;
    let (mut next, mut last) = (0, 0);
    for (index, count) in histogram.buckets().filter(|(index, _)| *index > 0) {
        let index = index as i32 - second;
        match spans.last_mut() {
            Some(BucketSpan { length: Some(length), .. }) if index == next => *length += 1,
            _ => spans.push(BucketSpan { offset: Some(index - next), length: Some(1) }),
        }
        next = index + 1;
        deltas.push(count as i64 - last);
        last = count as i64;
    }
    (spans, deltas)
}

fn exemplar_of(exemplar: &vitals::Exemplar) -> Exemplar {
    let at = exemplar.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Exemplar {
        label: vec![pair("trace_id", &exemplar.trace.trace_id()), pair("span_id", &exemplar.trace.span_id())],
        value: Some(exemplar.duration.as_secs_f64()),
        timestamp: Some(Timestamp { seconds: at.as_secs() as i64, nanos: at.subsec_nanos() as i32 }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use vitals::{Column, Snapshot, Table, TableValue};

    use super::*;

    #[test]
    fn used_buckets_are_runs_with_the_differences_of_their_counts() {
        let histogram = vitals::Histogram::new();
        let record = |seconds: f64, times| (0..times).for_each(|_| histogram.record(Duration::from_secs_f64(seconds)));
        // 1 s ends the bucket 0; 1.04 s lies in the bucket 1; 4 s ends the bucket 32.
        record(1.0, 3);
        record(1.04, 5);
        record(4.0, 2);
        record(0.0, 1);
        let native = of_histogram(&histogram.snapshot());
        let spans: Vec<(i32, u32)> =
            native.positive_span.iter().map(|span| (span.offset.unwrap(), span.length.unwrap())).collect();
        assert_eq!((spans, native.positive_delta), (vec![(0, 2), (30, 1)], vec![3, 2, -3]));
        assert_eq!((native.zero_count, native.sample_count, native.schema), (Some(1), Some(11), Some(4)));
    }

    #[test]
    fn a_family_is_one_message_with_its_length_before_it() {
        const CALLS: Table = Table {
            name: "calls",
            help: "Calls.",
            columns: &[
                Column::label("name", "The dependency."),
                Column::words("breaker", &["closed", "open"], "The breaker."),
                Column::duration("duration", "Durations."),
            ],
        };
        let row = |name: &str| {
            let durations = TableValue::from(vitals::Histogram::new().snapshot());
            vec![TableValue::text(name), TableValue::text("open"), durations]
        };
        let snapshot = Snapshot { table: &CALLS, rows: vec![row("bank"), row("rail")] };
        let mut out = Vec::new();
        for family in [1, 2].map(|column| Family::new(&snapshot, column, &[])) {
            write_head(&mut out, &family);
            (0..family.len()).for_each(|row| write(&mut out, &family, row));
        }
        let mut rest = &out[..];
        let breaker = MetricFamily::decode_length_delimited(&mut rest).unwrap();
        let duration = MetricFamily::decode_length_delimited(&mut rest).unwrap();
        assert!(rest.is_empty());
        assert_eq!((breaker.name.as_deref(), breaker.metric.len()), (Some("calls_breaker"), 4));
        assert_eq!(breaker.metric[1].label, [pair("name", "bank"), pair("breaker", "open")]);
        assert_eq!(breaker.metric[1].gauge, Some(Number { value: Some(1.0) }));
        assert_eq!((duration.unit.as_deref(), duration.metric.len()), (Some("seconds"), 2));
        assert_eq!(duration.metric[1].histogram.as_ref().unwrap().schema, Some(exponential::SCALE));
    }

    #[test]
    fn an_empty_histogram_is_native_too() {
        let native = of_histogram(&HistogramSnapshot::default());
        assert_eq!((native.zero_threshold, native.positive_span.len()), (Some(2f64.powi(-20)), 0));
    }
}

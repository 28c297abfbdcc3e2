//! The registry as metrics of OTLP, with exponential histograms.
//!
//! Source: opentelemetry-proto, `collector/metrics/v1` and `metrics/v1`, of which these are the fields in use. A metric has its name in OpenTelemetry's
//! semantic conventions, else `TABLE.COLUMN`; in Prometheus both are the names that `/metrics` shows.

use std::ops::Range;
use std::time::SystemTime;

use prost::Message;
use vitals::{Column, HistogramSnapshot, Kind, Snapshot, Table, TableRow, TableValue, Unit, exponential};

use crate::otlp::log_messages::nanos;
use crate::otlp::message::{KeyValue, Resource, ResourceMessage, Scope, Value, key_value};

/// Totals since the start of the process.
const CUMULATIVE: i32 = 2;
/// The points of one request, so that an export of many series is never in memory as a whole.
const MAX_POINTS: usize = 1_000;

#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) resource_metrics: Vec<ResourceMetrics>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ResourceMetrics {
    #[prost(message, optional, tag = "1")]
    pub(super) resource: Option<ResourceMessage>,
    #[prost(message, repeated, tag = "2")]
    pub(super) scope_metrics: Vec<ScopeMetrics>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ScopeMetrics {
    #[prost(message, optional, tag = "1")]
    pub(super) scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    pub(super) metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) description: String,
    #[prost(string, tag = "3")]
    pub(super) unit: String,
    #[prost(oneof = "Data", tags = "5, 7, 10")]
    pub(super) data: Option<Data>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Data {
    #[prost(message, tag = "5")]
    Gauge(Gauge),
    #[prost(message, tag = "7")]
    Sum(Sum),
    #[prost(message, tag = "10")]
    Histogram(Histogram),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Gauge {
    #[prost(message, repeated, tag = "1")]
    pub(super) data_points: Vec<NumberPoint>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Sum {
    #[prost(message, repeated, tag = "1")]
    pub(super) data_points: Vec<NumberPoint>,
    #[prost(int32, tag = "2")]
    pub(super) aggregation_temporality: i32,
    #[prost(bool, tag = "3")]
    pub(super) is_monotonic: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Histogram {
    #[prost(message, repeated, tag = "1")]
    pub(super) data_points: Vec<HistogramPoint>,
    #[prost(int32, tag = "2")]
    pub(super) aggregation_temporality: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NumberPoint {
    #[prost(fixed64, tag = "2")]
    pub(super) start_time_unix_nano: u64,
    #[prost(fixed64, tag = "3")]
    pub(super) time_unix_nano: u64,
    #[prost(oneof = "Number", tags = "4, 6")]
    pub(super) value: Option<Number>,
    #[prost(message, repeated, tag = "7")]
    pub(super) attributes: Vec<KeyValue>,
}

#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub(super) enum Number {
    #[prost(double, tag = "4")]
    Level(f64),
    #[prost(sfixed64, tag = "6")]
    Count(i64),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HistogramPoint {
    #[prost(message, repeated, tag = "1")]
    pub(super) attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "2")]
    pub(super) start_time_unix_nano: u64,
    #[prost(fixed64, tag = "3")]
    pub(super) time_unix_nano: u64,
    #[prost(fixed64, tag = "4")]
    pub(super) count: u64,
    #[prost(double, optional, tag = "5")]
    pub(super) sum: Option<f64>,
    #[prost(sint32, tag = "6")]
    pub(super) scale: i32,
    #[prost(fixed64, tag = "7")]
    pub(super) zero_count: u64,
    #[prost(message, optional, tag = "8")]
    pub(super) positive: Option<Buckets>,
    #[prost(message, repeated, tag = "11")]
    pub(super) exemplars: Vec<Exemplar>,
    #[prost(double, tag = "14")]
    pub(super) zero_threshold: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Buckets {
    #[prost(sint32, tag = "1")]
    pub(super) offset: i32,
    #[prost(uint64, repeated, tag = "2")]
    pub(super) bucket_counts: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Exemplar {
    #[prost(fixed64, tag = "2")]
    pub(super) time_unix_nano: u64,
    #[prost(double, tag = "3")]
    pub(super) value: f64,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) trace_id: Vec<u8>,
}

/// The time of a point, and since when it counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) started: SystemTime,
    pub(super) now: SystemTime,
}

/// The numbers of tables as export requests of at most [`MAX_POINTS`] points or little more: the words of a row are not parted. Each is made when it
/// is asked for, and each table is asked for when the one before is written.
#[derive(Debug)]
pub(super) struct Batches<'s, I> {
    resource: &'s Resource,
    tables: I,
    span: Span,
    /// The table that is written, and the next column and row.
    table: Option<Snapshot>,
    place: (usize, usize),
}

impl<'s, I: Iterator<Item = Snapshot>> Batches<'s, I> {
    pub(super) fn new(resource: &'s Resource, tables: impl IntoIterator<IntoIter = I>, span: Span) -> Self {
        Self { resource, tables: tables.into_iter(), span, table: None, place: (0, 0) }
    }

    fn request(&self, metrics: Vec<Metric>) -> Vec<u8> {
        let scope_metrics = ScopeMetrics { scope: Some(Scope::own()), metrics };
        let resource_metrics =
            ResourceMetrics { resource: Some(self.resource.message()), scope_metrics: vec![scope_metrics] };
        ExportRequest { resource_metrics: vec![resource_metrics] }.encode_to_vec()
    }

    /// The next points, at most so many, of one column of the table; none at its end.
    fn next_metric(&mut self, most: usize) -> Option<Metric> {
        let snapshot = self.table.as_ref().filter(|snapshot| !snapshot.rows.is_empty())?;
        let (index, row) = &mut self.place;
        while let Some(column) = snapshot.table.columns.get(*index) {
            let end = snapshot.rows.len().min(*row + most);
            let data = data_of(snapshot, *row..end, *index, column, self.span);
            let is_whole = data.is_none() || end == snapshot.rows.len();
            (*index, *row) = if is_whole { (*index + 1, 0) } else { (*index, end) };
            if data.is_some() {
                return Some(Metric {
                    name: name_of(snapshot.table, column),
                    description: column.help.to_owned(),
                    unit: unit_of(column.unit).to_owned(),
                    data,
                });
            }
        }
        None
    }
}

impl<I: Iterator<Item = Snapshot>> Iterator for Batches<'_, I> {
    /// A request, and its number of points.
    type Item = (Vec<u8>, u64);

    fn next(&mut self) -> Option<(Vec<u8>, u64)> {
        let (mut metrics, mut points) = (Vec::new(), 0);
        while points < MAX_POINTS {
            if let Some(metric) = self.next_metric(MAX_POINTS - points) {
                points += metric.data.as_ref().map_or(0, Data::points);
                metrics.push(metric);
                continue;
            }
            // The one before goes first: both need not be in memory.
            (self.table, self.place) = (None, (0, 0));
            self.table = self.tables.find(|snapshot| snapshot.table.is_metric());
            if self.table.is_none() {
                break;
            }
        }
        (!metrics.is_empty()).then(|| (self.request(metrics), points as u64))
    }
}

impl Data {
    /// The number of points.
    fn points(&self) -> usize {
        match self {
            Self::Gauge(gauge) => gauge.data_points.len(),
            Self::Sum(sum) => sum.data_points.len(),
            Self::Histogram(histogram) => histogram.data_points.len(),
        }
    }
}

fn name_of(table: &Table, column: &Column) -> String {
    column.convention.map_or_else(|| format!("{}.{}", table.name, column.name), str::to_owned)
}

/// The unit in UCUM.
fn unit_of(unit: Unit) -> &'static str {
    match unit {
        Unit::None => "",
        Unit::Seconds => "s",
        Unit::Bytes => "By",
    }
}

/// The points of a column in these rows; none of one that is no metric.
fn data_of(snapshot: &Snapshot, rows: Range<usize>, index: usize, column: &Column, span: Span) -> Option<Data> {
    let rows = || snapshot.rows[rows.clone()].iter().map(|row| (attributes_of(snapshot.table, row), &row[index]));
    let numbers = || rows().filter_map(|(attributes, value)| number_point(attributes, value, span)).collect();
    match column.kind {
        Kind::Label | Kind::Key | Kind::State => None,
        Kind::Gauge => Some(Data::Gauge(Gauge { data_points: numbers() })),
        Kind::Counter => {
            Some(Data::Sum(Sum { data_points: numbers(), aggregation_temporality: CUMULATIVE, is_monotonic: true }))
        }
        Kind::Words(words) => {
            let points = rows().flat_map(|(attributes, value)| {
                words.iter().filter_map(move |word| {
                    let is_now = TableValue::from(value.as_text() == Some(word));
                    let word = key_value(column.name, Value::Text((*word).to_owned()));
                    number_point(attributes.iter().cloned().chain([word]).collect(), &is_now, span)
                })
            });
            Some(Data::Gauge(Gauge { data_points: points.collect() }))
        }
        Kind::Histogram => {
            let points = rows().filter_map(|(attributes, value)| match value {
                TableValue::Distribution(histogram) => Some(histogram_point(attributes, histogram, span)),
                _ => None,
            });
            Some(Data::Histogram(Histogram { data_points: points.collect(), aggregation_temporality: CUMULATIVE }))
        }
    }
}

fn attributes_of(table: &Table, row: &TableRow) -> Vec<KeyValue> {
    let labels = table.columns.iter().zip(row).filter(|(column, _)| column.kind == Kind::Label);
    let attribute = |(column, value): (&Column, &TableValue)| {
        Some(key_value(column.convention.unwrap_or(column.name), Value::Text(value.as_text()?.to_owned())))
    };
    labels.filter_map(attribute).collect()
}

fn number_point(attributes: Vec<KeyValue>, value: &TableValue, span: Span) -> Option<NumberPoint> {
    let value = match value {
        TableValue::Count(count) => Number::Count(i64::try_from(*count).unwrap_or(i64::MAX)),
        TableValue::Flag(flag) => Number::Count(i64::from(*flag)),
        value => Number::Level(value.number()?),
    };
    Some(NumberPoint {
        start_time_unix_nano: nanos(span.started),
        time_unix_nano: nanos(span.now),
        value: Some(value),
        attributes,
    })
}

fn histogram_point(attributes: Vec<KeyValue>, histogram: &HistogramSnapshot, span: Span) -> HistogramPoint {
    // The bucket that begins at one second has the index 0.
    let second = exponential::buckets_up_to(0) as i32;
    let used = || histogram.buckets().filter(|(index, _)| *index > 0);
    let first = used().next().map_or(0, |(index, _)| index);
    let mut bucket_counts: Vec<u64> = Vec::new();
    for (index, count) in used() {
        bucket_counts.resize(index - first, 0);
        bucket_counts.push(count);
    }
    let exemplars = histogram.exemplars().iter().map(|exemplar| Exemplar {
        time_unix_nano: nanos(exemplar.at),
        value: exemplar.duration.as_secs_f64(),
        span_id: exemplar.trace.span_id_bytes().to_vec(),
        trace_id: exemplar.trace.trace_id_bytes().to_vec(),
    });
    HistogramPoint {
        attributes,
        start_time_unix_nano: nanos(span.started),
        time_unix_nano: nanos(span.now),
        count: histogram.count(),
        sum: Some(histogram.sum().as_secs_f64()),
        scale: exponential::SCALE,
        zero_count: histogram.buckets().find(|(index, _)| *index == 0).map_or(0, |(_, count)| count),
        positive: Some(Buckets { offset: first as i32 - second, bucket_counts }),
        exemplars: exemplars.collect(),
        zero_threshold: f64::from(exponential::SMALLEST_EXPONENT).exp2(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const CALLS: Table = Table {
        name: "calls",
        help: "Calls.",
        columns: &[
            Column::label("name", "The dependency."),
            Column::counter("failed", "Failures."),
            Column::gauge("open", "Connections.").in_unit(Unit::Bytes),
            Column::words("breaker", &["closed", "open"], "The breaker."),
            Column::state("reason", "No metric."),
            Column::duration("duration", "Durations.").convention("http.client.request.duration"),
        ],
    };

    fn exported() -> Vec<Metric> {
        let histogram = vitals::Histogram::new();
        for seconds in [0.0, 1.0, 1.04, 1.04, 4.0] {
            histogram.record(Duration::from_secs_f64(seconds));
        }
        let text = TableValue::text;
        let duration = TableValue::from(histogram.snapshot());
        let row = vec![text("bank"), TableValue::from(7), TableValue::from(2.5), text("open"), text("x"), duration];
        let span = Span { started: SystemTime::UNIX_EPOCH, now: SystemTime::UNIX_EPOCH + Duration::from_secs(1) };
        let snapshot = Snapshot { table: &CALLS, rows: vec![row] };
        let (resource, snapshots) = (Resource::of_service("shop", "1", "here"), [snapshot]);
        let mut batches = Batches::new(&resource, snapshots, span);
        let (encoded, points) = batches.next().unwrap();
        assert_eq!((points, batches.next()), (5, None));
        metrics_of(&encoded)
    }

    fn metrics_of(encoded: &[u8]) -> Vec<Metric> {
        let request = ExportRequest::decode(encoded).unwrap();
        request.resource_metrics.into_iter().flat_map(|of| of.scope_metrics).flat_map(|of| of.metrics).collect()
    }

    #[test]
    fn counters_gauges_and_words_are_sums_and_gauges_with_their_labels() {
        let metrics = exported();
        let names: Vec<(&str, &str)> = metrics.iter().map(|metric| (&*metric.name, &*metric.unit)).collect();
        let expected =
            [("calls.failed", ""), ("calls.open", "By"), ("calls.breaker", ""), ("http.client.request.duration", "s")];
        assert_eq!(names, expected);
        let Some(Data::Sum(failed)) = &metrics[0].data else { panic!("{metrics:?}") };
        assert!(failed.is_monotonic && failed.aggregation_temporality == CUMULATIVE);
        assert_eq!(failed.data_points[0].value, Some(Number::Count(7)));
        assert_eq!(failed.data_points[0].attributes, [key_value("name", Value::Text("bank".to_owned()))]);
        let Some(Data::Gauge(breaker)) = &metrics[2].data else { panic!("{metrics:?}") };
        let states: Vec<_> = breaker.data_points.iter().map(|point| point.value).collect();
        assert_eq!(states, [Some(Number::Count(0)), Some(Number::Count(1))]);
        assert_eq!(breaker.data_points[1].attributes[1], key_value("breaker", Value::Text("open".to_owned())));
    }

    #[test]
    fn many_points_are_parted_into_bounded_requests_without_loss() {
        let row = |number: usize| {
            let text = TableValue::text;
            let duration = TableValue::from(vitals::Histogram::new().snapshot());
            let failed = TableValue::from(number as u64);
            vec![
                text(format!("bank {number}").as_str()),
                failed,
                TableValue::from(2.5),
                text("open"),
                text("x"),
                duration,
            ]
        };
        let snapshots = [1, 2_500].map(|rows| Snapshot { table: &CALLS, rows: (0..rows).map(row).collect() });
        let (resource, now) = (Resource::default(), SystemTime::UNIX_EPOCH);
        let span = Span { started: now, now };
        let (mut failures, mut words, mut durations, mut all) = (0, 0, 0, 0);
        for (encoded, points) in Batches::new(&resource, snapshots, span) {
            assert!((1..=2 * MAX_POINTS as u64).contains(&points), "{points} points");
            all += points;
            for metric in metrics_of(&encoded) {
                match metric.data.unwrap() {
                    Data::Sum(sum) => {
                        let counts = sum.data_points.iter().map(|point| match point.value {
                            Some(Number::Count(count)) => count,
                            value => panic!("{value:?}"),
                        });
                        failures += counts.sum::<i64>();
                    }
                    Data::Histogram(histogram) => durations += histogram.data_points.len(),
                    Data::Gauge(gauge) if metric.name == "calls.breaker" => words += gauge.data_points.len(),
                    Data::Gauge(_) => {}
                }
            }
        }
        assert_eq!((failures, durations, words), ((0..2_500).sum::<i64>(), 2_501, 2 * 2_501));
        assert_eq!(all, 5 * 2_501);
    }

    #[test]
    fn a_distribution_is_an_exponential_histogram_without_loss() {
        let metrics = exported();
        let Some(Data::Histogram(histogram)) = &metrics[3].data else { panic!("{metrics:?}") };
        let point = &histogram.data_points[0];
        assert_eq!((point.count, point.zero_count, point.scale), (5, 1, 4));
        let positive = point.positive.as_ref().unwrap();
        // 1 s ends the bucket -1; 1.04 s lies in the bucket 0; 4 s ends the bucket 31.
        assert_eq!((positive.offset, positive.bucket_counts.len()), (-1, 33));
        assert_eq!((positive.bucket_counts[0], positive.bucket_counts[1], positive.bucket_counts[32]), (1, 2, 1));
    }

    proptest! {
        #[test]
        fn a_duration_lies_within_the_bounds_of_its_exported_bucket(nanos in 1_000..60_000_000_000_000u64) {
            let histogram = vitals::Histogram::new();
            histogram.record(Duration::from_nanos(nanos));
            let span = Span { started: SystemTime::UNIX_EPOCH, now: SystemTime::UNIX_EPOCH };
            let point = histogram_point(Vec::new(), &histogram.snapshot(), span);
            let positive = point.positive.unwrap();
            prop_assert_eq!(positive.bucket_counts, vec![1]);
            let (base, seconds) = (2f64.powf(1.0 / 16.0), nanos as f64 / 1e9);
            let bounds = (base.powi(positive.offset), base.powi(positive.offset + 1));
            prop_assert!(bounds.0 <= seconds * (1.0 + 1e-9) && seconds <= bounds.1 * (1.0 + 1e-9), "{:?}", bounds);
        }
    }
}

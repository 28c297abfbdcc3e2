//! The environment of a subject that exports by OpenTelemetry.

/// The variables that every SDK of OpenTelemetry reads, beside the endpoint.
const VARIABLES: [(&str, &str); 4] = [
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
    ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "200"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
];

/// The environment that sends exports to a collector at this address.
pub(super) fn variables(address: &str) -> Vec<(String, String)> {
    let all = VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), format!("http://{address}"));
    all.into_iter().chain([endpoint]).collect()
}

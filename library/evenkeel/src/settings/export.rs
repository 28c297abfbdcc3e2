//! Settings of the signals that are exported, by the names that OpenTelemetry gives them.

use clap::Args;
use clap::builder::PossibleValuesParser;

/// Export to the collector by OTLP.
const OTLP: &str = "otlp";
/// No export.
const NONE: &str = "none";

/// The signals that go to the collector of `OTEL_EXPORTER_OTLP_ENDPOINT`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Export by OTLP")]
#[non_exhaustive]
pub struct ExportSettings {
    /// Exporter of traces: otlp sends them to the collector of OTEL_EXPORTER_OTLP_ENDPOINT, where that is set.
    #[arg(
        id = "std.traces_exporter",
        long = "traces-exporter",
        env = "OTEL_TRACES_EXPORTER",
        value_name = "EXPORTER",
        default_value = OTLP,
        value_parser = exporters()
    )]
    pub traces_exporter: String,

    /// Exporter of metrics: otlp sends them to the collector as well; /metrics answers in any case.
    #[arg(
        id = "std.metrics_exporter",
        long = "metrics-exporter",
        env = "OTEL_METRICS_EXPORTER",
        value_name = "EXPORTER",
        default_value = OTLP,
        value_parser = exporters()
    )]
    pub metrics_exporter: String,

    /// Exporter of logs: otlp sends them to the collector as well; standard output has them in any case.
    #[arg(
        id = "std.logs_exporter",
        long = "logs-exporter",
        env = "OTEL_LOGS_EXPORTER",
        value_name = "EXPORTER",
        default_value = OTLP,
        value_parser = exporters()
    )]
    pub logs_exporter: String,

    /// Time between two exports of metrics, in milliseconds.
    #[arg(
        id = "std.metric_interval",
        long = "metric-export-interval",
        env = "OTEL_METRIC_EXPORT_INTERVAL",
        value_name = "MILLISECONDS",
        default_value = "60000",
        value_parser = clap::value_parser!(u64).range(100..=3_600_000)
    )]
    pub metric_interval_ms: u64,

    /// Longest wait of a log line for its batch, in milliseconds.
    #[arg(
        id = "std.log_delay",
        long = "logs-schedule-delay",
        env = "OTEL_BLRP_SCHEDULE_DELAY",
        value_name = "MILLISECONDS",
        default_value = "1000",
        value_parser = clap::value_parser!(u64).range(1..=600_000)
    )]
    pub log_delay_ms: u64,
}

impl ExportSettings {
    pub(crate) fn traces(&self) -> bool {
        self.traces_exporter == OTLP
    }

    pub(crate) fn metrics(&self) -> bool {
        self.metrics_exporter == OTLP
    }

    pub(crate) fn logs(&self) -> bool {
        self.logs_exporter == OTLP
    }
}

fn exporters() -> PossibleValuesParser {
    PossibleValuesParser::new([OTLP, NONE])
}

//! Settings of traces, by the names that OpenTelemetry gives them.

use std::time::Duration;

use clap::Args;
use telemetry::traces::Sampler;
use url::Url;

use crate::duration::parse_duration;

/// Traces and their export.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Traces")]
#[non_exhaustive]
pub struct TraceSettings {
    /// URL of the OpenTelemetry collector, by OTLP over HTTP: traces go to its path /v1/traces, metrics to /v1/metrics and logs to /v1/logs. Default: nothing
    /// is exported.
    #[arg(
        id = "std.otlp_endpoint",
        long = "otlp-endpoint",
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "URL",
        default_value = "",
        hide_default_value = true,
        value_parser = Endpoint::parse
    )]
    pub endpoint: Endpoint,

    /// Headers of each export, as in authorization=Bearer%20KEY, with commas between. Default: none.
    #[arg(
        id = "std.otlp_headers",
        long = "otlp-headers",
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        value_name = "NAME=VALUE,...",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true,
        value_parser = Pairs::parse
    )]
    pub headers: Pairs,

    /// Protocol of the export: http/protobuf alone.
    #[arg(
        id = "std.otlp_protocol",
        long = "otlp-protocol",
        env = "OTEL_EXPORTER_OTLP_PROTOCOL",
        value_name = "PROTOCOL",
        default_value = "http/protobuf",
        value_parser = protocol
    )]
    pub protocol: String,

    /// Sampler: always_on, always_off, traceidratio, or one of them with parentbased_ before it, which takes over the decision of a caller. A
    /// request that fails or is slow is exported with any.
    #[arg(
        id = "std.sampler",
        long = "traces-sampler",
        env = "OTEL_TRACES_SAMPLER",
        value_name = "SAMPLER",
        default_value = "parentbased_traceidratio",
        value_parser = sampler
    )]
    pub sampler: String,

    /// Share of traces that traceidratio samples, from 0 to 1.
    #[arg(
        id = "std.sampler_arg",
        long = "traces-sampler-arg",
        env = "OTEL_TRACES_SAMPLER_ARG",
        value_name = "SHARE",
        default_value = "0.05",
        value_parser = share
    )]
    pub sampler_share: f64,

    /// Duration of a slow request, which is always exported, on routes without an objective for their latency.
    #[arg(
        id = "std.trace_slow",
        long = "trace-slow",
        env = "TRACE_SLOW",
        value_name = "DURATION",
        default_value = "1s",
        value_parser = parse_duration
    )]
    pub slow: Duration,

    /// Longest wait of a span for its batch, in milliseconds.
    #[arg(
        id = "std.trace_delay",
        long = "traces-schedule-delay",
        env = "OTEL_BSP_SCHEDULE_DELAY",
        value_name = "MILLISECONDS",
        default_value = "5000",
        value_parser = clap::value_parser!(u64).range(1..=600_000)
    )]
    pub delay_ms: u64,

    /// Name of the service in traces. Default: the program's name.
    #[arg(
        id = "std.service_name",
        long = "service-name",
        env = "OTEL_SERVICE_NAME",
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub service_name: String,

    /// Attributes of the service in traces, as in deployment.environment.name=production, with commas between. Default: none.
    #[arg(
        id = "std.resource_attributes",
        long = "resource-attributes",
        env = "OTEL_RESOURCE_ATTRIBUTES",
        value_name = "NAME=VALUE,...",
        default_value = "",
        hide_default_value = true,
        value_parser = Pairs::parse
    )]
    pub resource: Pairs,
}

/// The base URL of the collector; none: nothing is exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint(pub Option<Url>);

/// Names with values, percent-decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(pub Vec<(String, String)>);

impl TraceSettings {
    /// The sampler.
    pub(crate) fn sampler(&self) -> Sampler {
        Sampler::named(&self.sampler, self.sampler_share).expect("both were checked with the other settings")
    }
}

impl Endpoint {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let url: Url = text.parse().map_err(|error: url::ParseError| error.to_string())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.query().is_some() {
            return Err("it is not an http or https URL without a query".to_owned());
        }
        Ok(Self(Some(url)))
    }

    /// The URL to which a signal is sent, such as `traces`.
    pub(crate) fn of(&self, signal: &str) -> Option<Url> {
        let mut url = self.0.clone()?;
        let path = format!("{}/v1/{signal}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Some(url)
    }
}

impl Pairs {
    fn parse(text: &str) -> Result<Self, String> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let parsed = pairs.map(|pair| {
            let (name, value) =
                pair.split_once('=').ok_or("a pair has no =: expected NAME=VALUE, with commas between")?;
            let value = url::form_urlencoded::parse(
                value.trim().replace('+', "%2B").replace('=', "%3D").replace('&', "%26").as_bytes(),
            )
            .next()
            .map(|(value, _)| value.into_owned())
            .unwrap_or_default();
            Ok((name.trim().to_owned(), value))
        });
        parsed.collect::<Result<_, &str>>().map(Self).map_err(str::to_owned)
    }
}

fn protocol(text: &str) -> Result<String, String> {
    match text {
        "http/protobuf" => Ok(text.to_owned()),
        _ => Err("only http/protobuf is spoken: point it at the collector's port for OTLP over HTTP, usually 4318"
            .to_owned()),
    }
}

fn sampler(text: &str) -> Result<String, String> {
    text.parse::<Sampler>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    Sampler::share(share).map(|_| share).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_goes_to_its_path_below_the_endpoint() {
        let url = |text, signal| Endpoint::parse(text).unwrap().of(signal).map(|url| url.to_string());
        assert_eq!(url("http://collector:4318", "traces").as_deref(), Some("http://collector:4318/v1/traces"));
        assert_eq!(url("https://c/otlp/", "logs").as_deref(), Some("https://c/otlp/v1/logs"));
        assert_eq!(url("", "traces"), None);
        for wrong in ["collector:4318", "ftp://c", "http://c/?a=b"] {
            assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pairs_are_percent_decoded_and_a_text_without_a_value_is_refused() {
        let pairs = Pairs::parse("authorization=Bearer%20a+b==, x = 1").unwrap().0;
        let expected = [("authorization", "Bearer a+b=="), ("x", "1")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(Pairs::parse("").unwrap(), Pairs::default());
        assert!(Pairs::parse("secret").unwrap_err().contains("NAME=VALUE"));
    }

    #[test]
    fn other_protocols_and_shares_are_refused_with_what_to_do() {
        assert!(protocol("grpc").unwrap_err().contains("4318"));
        assert!(share("1.5").unwrap_err().contains("from 0 to 1"));
        assert!(sampler("xray").unwrap_err().contains("parentbased"));
    }
}

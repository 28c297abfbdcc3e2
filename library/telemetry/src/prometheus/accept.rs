//! The format that a scraper asks for, by its `Accept` header (RFC 9110, section 12.5.1).

/// A format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4, which every tool reads.
    Text,
    /// OpenMetrics 1.0: text with exemplars.
    OpenMetrics,
    /// Prometheus protobuf: with exemplars and native histograms.
    Protobuf,
}

/// The most media ranges of a header that are looked at.
const MAX_RANGES: usize = 32;

impl Format {
    /// The format for an `Accept` header: of those that it names, the one with the highest quality, and of equal ones the richest. Text
    /// where it names none.
    pub fn accepted(accept: Option<&str>) -> Self {
        let ranges = accept.unwrap_or_default().split(',').take(MAX_RANGES);
        let named = ranges.filter_map(Self::of_range).filter(|(_, quality)| *quality > 0.0);
        let best = named.max_by(|(a, one), (b, other)| one.total_cmp(other).then((*a as u8).cmp(&(*b as u8))));
        best.map_or(Self::Text, |(format, _)| format)
    }

    fn of_range(range: &str) -> Option<(Self, f32)> {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next()?.to_ascii_lowercase();
        let parameters: Vec<(String, &str)> = parts
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"')))
            .collect();
        let parameter = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        let quality = parameter("q").map_or(1.0, |quality| quality.parse().unwrap_or(0.0));
        let format = match media.as_str() {
            "application/vnd.google.protobuf" => {
                let is_ours = parameter("proto").is_none_or(|proto| proto == "io.prometheus.client.MetricFamily")
                    && parameter("encoding").is_none_or(|encoding| encoding == "delimited");
                is_ours.then_some(Self::Protobuf)?
            }
            "application/openmetrics-text" => {
                parameter("version").is_none_or(|version| version == "1.0.0").then_some(Self::OpenMetrics)?
            }
            "text/plain" => parameter("version").is_none_or(|version| version == "0.0.4").then_some(Self::Text)?,
            _ => return None,
        };
        Some((format, quality))
    }

    /// The content type of an answer.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_accept_header_decides_the_format() {
        let prometheus = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,\
             application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            (None, Format::Text),
            (Some("*/*"), Format::Text),
            (Some("text/html, */*;q=0.1"), Format::Text),
            (Some(prometheus), Format::Protobuf),
            (Some("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"), Format::OpenMetrics),
            (Some("application/openmetrics-text; version=2.0.0"), Format::Text),
            (Some("application/openmetrics-text;q=0.2,text/plain;q=0.9"), Format::Text),
            (Some("application/openmetrics-text;q=0"), Format::Text),
            (Some("application/vnd.google.protobuf;proto=other;encoding=delimited"), Format::Text),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_the_parser_panic(accept in "\\PC{0,120}") {
            Format::accepted(Some(&accept));
        }
    }
}

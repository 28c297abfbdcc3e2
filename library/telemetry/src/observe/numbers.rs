//! Numbers, durations and texts as rules write them.

use std::time::Duration;

/// A duration of PromQL, in its largest whole unit.
pub(super) fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    let whole = units.into_iter().find(|(unit, _)| millis > 0 && millis % unit == 0);
    whole.map_or_else(|| format!("{millis}ms"), |(unit, name)| format!("{}{name}", millis / unit))
}

/// A number without the noise of binary fractions.
pub(super) fn number(number: f64) -> String {
    let digits = format!("{number:.10}");
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A text in double quotes, for YAML and PromQL: both read JSON's escapes.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Words joined, each with a capital: a name of an alert.
pub(super) fn camel(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| format!("{}{}", word[..1].to_ascii_uppercase(), &word[1..])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_their_largest_whole_unit() {
        let written = [300, 3600, 7200, 86_400, 90, 259_200].map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(written, ["5m", "1h", "2h", "1d", "90s", "3d"]);
        assert_eq!(duration(Duration::from_millis(417)), "417ms");
    }

    #[test]
    fn numbers_and_names_are_short() {
        assert_eq!([number(1.0 - 0.9995), number(14.4), number(6.0)], ["0.0005", "14.4", "6"]);
        assert_eq!(camel("post-transfers-availability"), "PostTransfersAvailability");
    }
}

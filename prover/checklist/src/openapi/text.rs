//! The text of a document, as JSON or as YAML.

use serde_json::Value;

use super::yaml;

/// Reads the text: JSON where it begins as JSON does, else YAML.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("it is not UTF-8 ({error})"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.trim_start().starts_with('{') {
        // YAML contains nearly all of JSON, but its errors would name another format.
        true => serde_json::from_str(text).map_err(|error| format!("it is no JSON ({error})")),
        false => yaml::read(text).map_err(|error| format!("it is neither JSON nor YAML that keel reads ({error})")),
    }
}

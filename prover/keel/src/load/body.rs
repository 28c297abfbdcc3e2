//! The body of `keel load -d`: a text, or the file that it names.

/// The largest body that is read from a file, in bytes.
const MAX_BODY: u64 = 16 << 20;

/// Reads the body: the text itself, or of `@FILE` the file.
pub(super) fn read(text: &str) -> Result<String, String> {
    let Some(path) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    let told = |why: &dyn std::fmt::Display| {
        format!(
            "-d {text}: {path:?} cannot be read: {why} (a body that begins with @ goes into `body` of a --config file)"
        )
    };
    let length = std::fs::metadata(path).map_err(|error| told(&error))?.len();
    if length > MAX_BODY {
        return Err(told(&format!("it has {length} bytes, and a body at most {MAX_BODY}")));
    }
    std::fs::read_to_string(path).map_err(|error| told(&error))
}

/// The Content-Type of a body for which none was said.
pub(super) fn content_type(body: &str) -> &'static str {
    match body.trim_start().starts_with(['{', '[']) {
        true => "application/json",
        false => "application/x-www-form-urlencoded",
    }
}

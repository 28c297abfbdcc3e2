//! Names of the fields that prove a form to be of the service's own page.

/// Parts of the names that frameworks give them.
const PARTS: [&str; 8] =
    ["csrf", "xsrf", "authenticity_token", "requestverificationtoken", "_token", "wpnonce", "sesskey", "form_key"];

/// Returns true if a field holds such a token, by its name.
pub(crate) fn is_token_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    PARTS.iter().any(|part| name.contains(part))
}

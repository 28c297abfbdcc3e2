//! Headers whose values may be secrets: all but those that are known to hold none.

use http::{HeaderName, header};

/// The headers of a caller that hold no secret and mean the same everywhere. All others are for the origin that they were set for: credentials have
/// too many names to list them.
const FOR_EVERYBODY: [HeaderName; 14] = [
    header::ACCEPT,
    header::ACCEPT_CHARSET,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_TYPE,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
    header::USER_AGENT,
    HeaderName::from_static("criticality"),
];

/// Returns true when the value of a header of this name may be a secret.
pub(crate) fn may_be_secret(name: &HeaderName) -> bool {
    !FOR_EVERYBODY.contains(name)
}

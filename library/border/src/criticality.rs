//! Criticality of a request: at most the border's own level, and lower when the caller says so (`criticality`).

use axum::http::{HeaderMap, HeaderName};
use resilience::Criticality;

const CRITICALITY: HeaderName = HeaderName::from_static("criticality");

/// Reads the criticality of a request to a route of criticality `own`. A caller can lower the criticality of its own request, and never raise
/// it. An unknown value is ignored, because other systems use the same header name.
pub(crate) fn of(headers: &HeaderMap, own: Criticality) -> Criticality {
    let values = headers.get_all(CRITICALITY).iter().filter_map(|value| value.to_str().ok()?.parse().ok());
    values.fold(own, Criticality::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_request(values: &[&str]) -> Criticality {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CRITICALITY, value.parse().expect("a header"));
        }
        of(&headers, Criticality::Default)
    }

    #[test]
    fn a_caller_can_lower_it_and_never_raise_it() {
        assert_eq!(of_request(&["sheddable"]), Criticality::Sheddable);
        assert_eq!(of_request(&["critical", "sheddable"]), Criticality::Sheddable);
        for same in [&[][..], &["default"], &["critical"], &["high"], &[""]] {
            assert_eq!(of_request(same), Criticality::Default, "{same:?}");
        }
    }
}

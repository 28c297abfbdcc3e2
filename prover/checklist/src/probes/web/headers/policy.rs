//! Security headers that an answer lacks.

use http::HeaderMap;

use crate::clause::Clause;
use crate::clause::web::headers as clause;

/// Values of Referrer-Policy (W3C Referrer Policy, 3), except `unsafe-url`.
const REFERRER: [&str; 7] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
];
const OPENER: [&str; 3] = ["same-origin", "same-origin-allow-popups", "noopener-allow-popups"];
const RESOURCE: [&str; 3] = ["same-origin", "same-site", "cross-origin"];

/// Everything that is missing or does not protect, a few words each, with the clause that it is about.
pub(super) fn faults(headers: &HeaderMap) -> Vec<(Clause, String)> {
    let mut faults = content_security(headers);
    let mut check = |clause: Clause, name: &str, good: &dyn Fn(&str) -> bool| {
        let values = values(headers, name);
        match values.as_slice() {
            [] => faults.push((clause, format!("no {name}"))),
            values if values.iter().all(|value| good(value)) => {}
            values => faults.push((clause, format!("{name} is {:?}", values.join(", ")))),
        }
    };
    check(clause::NOSNIFF, "X-Content-Type-Options", &|value| value.eq_ignore_ascii_case("nosniff"));
    check(clause::REFERRER, "Referrer-Policy", &is_discreet);
    check(clause::PERMISSIONS, "Permissions-Policy", &|value| value.contains('='));
    check(clause::CROSS_ORIGIN, "Cross-Origin-Opener-Policy", &|value| OPENER.contains(&token(value)));
    check(clause::CROSS_ORIGIN, "Cross-Origin-Resource-Policy", &|value| RESOURCE.contains(&token(value)));
    faults
}

fn values<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or("").trim()).collect()
}

/// The value without parameters (`same-origin; report-to="x"`).
fn token(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// A list of fallbacks: the last value that a browser knows counts.
fn is_discreet(value: &str) -> bool {
    let known = |word: &&str| REFERRER.contains(word) || *word == "unsafe-url";
    let lower = value.to_ascii_lowercase();
    lower.split(',').map(str::trim).rfind(known).is_some_and(|word| word != "unsafe-url")
}

/// Several policies may be sent, in several headers or with commas; all are enforced. None may have an `'unsafe-…'` word that a
/// browser obeys, and together they must govern scripts and frames.
fn content_security(headers: &HeaderMap) -> Vec<(Clause, String)> {
    const NAME: &str = "Content-Security-Policy";
    let text = values(headers, NAME).join(",").to_ascii_lowercase();
    let directives: Vec<Vec<&str>> =
        text.split([',', ';']).map(|directive| directive.split_whitespace().collect()).collect();
    let directives: Vec<(&str, &[&str])> =
        directives.iter().filter_map(|words| words.split_first()).map(|(name, sources)| (*name, sources)).collect();
    if directives.is_empty() {
        let only_reported = headers.contains_key("content-security-policy-report-only");
        let none = format!("no {NAME}{}", if only_reported { " (only one that reports)" } else { "" });
        return vec![(clause::CSP, none.clone()), (clause::FRAME_ANCESTORS, none)];
    }
    let mut faults = Vec::new();
    for (name, sources) in &directives {
        for source in sources.iter().filter(|source| source.starts_with("'unsafe-") && is_obeyed(source, sources)) {
            faults.push((clause::CSP, format!("{NAME} has {source} in {name}")));
        }
    }
    if !directives.iter().any(|(name, _)| ["default-src", "script-src"].contains(name)) {
        faults.push((clause::CSP, format!("{NAME} has neither default-src nor script-src")));
    }
    match directives.iter().find(|(name, _)| *name == "frame-ancestors") {
        None => faults.push((clause::FRAME_ANCESTORS, format!("{NAME} has no frame-ancestors"))),
        Some((_, sources)) if sources.iter().any(|source| ["*", "http:", "https:"].contains(source)) => {
            let sources = sources.join(" ");
            let what = format!("{NAME} lets everybody frame it (frame-ancestors {sources})");
            faults.push((clause::FRAME_ANCESTORS, what));
        }
        Some(_) => {}
    }
    faults
}

/// Returns true if a browser obeys an unsafe word: `'unsafe-inline'` beside a nonce, a hash or `'strict-dynamic'` is there for old ones,
/// and newer ones ignore it (CSP 3, 6.7.3.2).
fn is_obeyed(word: &str, sources: &[&str]) -> bool {
    let stricter = ["'nonce-", "'sha256-", "'sha384-", "'sha512-", "'strict-dynamic'"];
    let ignored = sources.iter().any(|source| stricter.iter().any(|start| source.starts_with(start)));
    !(word == "'unsafe-inline'" && ignored)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    const SOUND: [(&str, &str); 6] = [
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("permissions-policy", "geolocation=()"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ];

    fn with(name: &str, value: &str) -> Vec<(Clause, String)> {
        let mut headers = HeaderMap::new();
        for (known, sound) in SOUND {
            headers.insert(known, (if known == name { value } else { sound }).parse().unwrap());
        }
        faults(&headers)
    }

    #[test]
    fn six_headers_with_sound_values_are_enough() {
        assert_eq!(with("", ""), Vec::new());
        let nonce = "script-src 'nonce-r4nd0m' 'wasm-unsafe-eval', frame-ancestors 'self'";
        assert_eq!(with("content-security-policy", nonce), Vec::new());
        assert_eq!(with("referrer-policy", "no-referrer, strict-origin-when-cross-origin"), Vec::new());
        assert_eq!(with("cross-origin-opener-policy", "same-origin; report-to=\"c\""), Vec::new());
    }

    #[test]
    fn unsafe_inline_beside_a_nonce_is_for_browsers_that_are_too_old() {
        let strict = "script-src 'nonce-r4nd0m' 'strict-dynamic' 'unsafe-inline' https:; frame-ancestors 'none'";
        assert_eq!(with("content-security-policy", strict), Vec::new());
        let eval = "script-src 'nonce-r4nd0m' 'unsafe-eval'; frame-ancestors 'none'";
        assert_eq!(with("content-security-policy", eval).len(), 1);
        let elsewhere = "script-src 'unsafe-inline'; style-src 'nonce-r4nd0m'; frame-ancestors 'none'";
        assert_eq!(with("content-security-policy", elsewhere).len(), 1, "the nonce is of another directive");
    }

    #[test]
    fn none_of_them_may_be_missing() {
        assert_eq!(faults(&HeaderMap::new()).len(), 7);
    }

    #[test]
    fn a_value_that_does_not_protect_is_a_fault() {
        for (name, value) in [
            ("content-security-policy", "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'"),
            ("content-security-policy", "script-src 'UNSAFE-EVAL'; frame-ancestors 'none'"),
            ("content-security-policy", "default-src 'self'"),
            ("content-security-policy", "frame-ancestors 'none'"),
            ("content-security-policy", "default-src 'self'; frame-ancestors *"),
            ("x-content-type-options", "sniff"),
            ("referrer-policy", "unsafe-url"),
            ("referrer-policy", "no-referrer, unsafe-url"),
            ("referrer-policy", "none"),
            ("permissions-policy", ""),
            ("cross-origin-opener-policy", "unsafe-none"),
            ("cross-origin-resource-policy", "none"),
        ] {
            assert_eq!(with(name, value).len(), 1, "{name}: {value}");
        }
    }
}

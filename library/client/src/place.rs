//! URL matching: which URLs belong to a dependency, and how a path becomes one of them.

use url::Url;

/// Returns true when the URL is at the base, or below it.
pub(crate) fn covers(base: &Url, url: &Url) -> bool {
    same_origin(base, url) && below(base.path(), url.path())
}

/// Returns true when scheme, host and port are the same.
pub(crate) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

fn below(base: &str, path: &str) -> bool {
    let rest = path.strip_prefix(base.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The URL of a path, with its query, below the base.
///
/// # Errors
/// When the path does not begin with a slash, is no path, or leads out of the base by dot segments.
pub(crate) fn url_below(base: &Url, path: &str) -> Result<Url, String> {
    if !path.starts_with('/') {
        return Err("a path begins with a slash".to_owned());
    }
    let mut root = base.clone();
    root.set_query(None);
    root.set_fragment(None);
    let url = format!("{}{path}", root.as_str().trim_end_matches('/')).parse::<Url>();
    let url = url.map_err(|error| format!("it has a path that is none: {error}"))?;
    if covers(base, &url) { Ok(url) } else { Err("its path leads out of the dependency's own".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    #[test]
    fn a_url_is_covered_by_origin_and_whole_segments_of_the_path() {
        let base = url("http://gw/pay");
        for (text, covered) in [
            ("http://gw/pay", true),
            ("http://gw:80/pay/", true),
            ("http://gw/pay/v1?x", true),
            ("http://gw/payments", false),
            ("http://gw/", false),
            ("https://gw/pay", false),
            ("http://gw:81/pay", false),
            ("http://other/pay", false),
        ] {
            assert_eq!(covers(&base, &url(text)), covered, "{text}");
        }
        assert!(covers(&url("http://gw"), &url("http://gw/anything")));
        assert!(covers(&url("http://gw/pay/"), &url("http://gw/pay")));
    }

    #[test]
    fn a_path_stays_below_its_base() {
        let base = url("http://gw/pay/");
        assert_eq!(url_below(&base, "/v1?a=b"), Ok(url("http://gw/pay/v1?a=b")));
        assert_eq!(url_below(&base, "//evil.example/x"), Ok(url("http://gw/pay//evil.example/x")));
        assert_eq!(url_below(&url("http://gw"), "/"), Ok(url("http://gw/")));
        for path in
            ["/../fraud", "/%2e%2e/fraud", "/a/../../fraud", "/..", "v1", "", "http://evil.example/", "@evil.example/"]
        {
            assert!(url_below(&base, path).is_err(), "{path}");
        }
    }
}

//! Redirects: the next request, and the headers that never go to another origin.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use url::Url;

use crate::credentials::Credentials;
use crate::outgoing::Outgoing;
use crate::sensitive::may_be_secret;
use crate::{Error, Response};

/// The name of the key by which a peer recognizes a repeat.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Returns true when the status redirects to another URL.
pub(crate) fn redirects(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Builds the request after a redirect (RFC 9110, 15.4): 307 and 308 repeat the request elsewhere, the others become a GET.
///
/// # Errors
/// [`Error::Unexpected`], when there is no URL to follow, or it leads from https to http.
pub(crate) fn redirected(out: &Outgoing, answer: &Response) -> Result<Outgoing, Error> {
    let unexpected = |cause: String| Error::Unexpected { url: answer.url.clone(), cause };
    let location = answer.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| unexpected(format!("{} without a Location to follow", answer.status)))?;
    let url = out.url.join(location).map_err(|error| unexpected(format!("a Location that is no URL: {error}")))?;
    let secure = |url: &Url| url.scheme() == "https";
    if !matches!(url.scheme(), "http" | "https") || secure(&out.url) && !secure(&url) {
        return Err(unexpected(format!("a redirect to {}://, which is not followed from here", url.scheme())));
    }
    let mut next = Outgoing { url, ..out.clone() };
    // Credentials that a peer gives are not ours to use.
    let _ = Credentials::take(&mut next.url);
    if !matches!(answer.status.as_u16(), 307 | 308) && !matches!(out.method, Method::GET | Method::HEAD) {
        if out.streams {
            next.streams = false;
        }
        next.method = Method::GET;
        next.body = Bytes::new();
        next.headers.remove(header::CONTENT_TYPE);
        next.headers.remove(IDEMPOTENCY_KEY);
    }
    if next.streams {
        return Err(unexpected(format!("{} asks for a body again that was a stream", answer.status)));
    }
    Ok(next)
}

/// Removes everything that is meant for one origin, or one dependency, alone.
pub(crate) fn leave_origin(out: &mut Outgoing) {
    let all = std::mem::take(&mut out.headers);
    out.headers = HeaderMap::with_capacity(all.len());
    let mut current = None;
    for (name, value) in all {
        // Values after the first of a name come without it.
        current = name.or(current);
        if let Some(name) = current.as_ref().filter(|name| !may_be_secret(name)) {
            out.headers.append(name, value);
        }
    }
    out.credentials = None;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(method: Method, url: &str) -> Outgoing {
        let mut out = Outgoing::new(method, &url.parse().expect("a URL"));
        for (name, value) in [
            ("accept", "text/plain"),
            ("accept", "text/html"),
            ("authorization", "SECRET"),
            ("cookie", "SECRET"),
            ("host", "SECRET"),
            ("idempotency-key", "SECRET"),
            ("proxy-authorization", "SECRET"),
            ("x-amz-security-token", "SECRET"),
            ("x-api-key", "SECRET"),
        ] {
            out.headers.append(name, value.parse().expect("a value"));
        }
        out
    }

    fn answer(status: u16, location: &str) -> Response {
        let headers = [(header::LOCATION, location.parse().expect("a value"))].into_iter().collect();
        let status = StatusCode::from_u16(status).expect("a status");
        Response { status, headers, body: Bytes::new(), url: "http://here/".to_owned() }
    }

    #[test]
    fn no_header_beyond_the_safe_ones_leaves_its_origin() {
        let mut out = out(Method::GET, "http://svc:SECRET@here/");
        assert!(out.credentials.is_some());
        leave_origin(&mut out);
        assert!(out.credentials.is_none());
        assert_eq!(out.headers.len(), 2, "{:?}", out.headers);
        assert_eq!(out.headers.get_all(header::ACCEPT).iter().count(), 2);
    }

    #[test]
    fn https_is_never_left_and_other_schemes_are_never_followed() {
        for (from, to, followed) in [
            ("https://here/", "http://here/", false),
            ("https://here/", "http://there/", false),
            ("https://here/", "https://there/", true),
            ("http://here/", "https://there/", true),
            ("http://here/", "ftp://there/", false),
            ("http://here/", "javascript:alert(1)", false),
        ] {
            let next = redirected(&out(Method::GET, from), &answer(302, to));
            assert_eq!(next.is_ok(), followed, "{from} to {to}");
        }
    }

    #[test]
    fn credentials_in_a_location_are_not_used() {
        let next =
            redirected(&out(Method::GET, "http://here/"), &answer(302, "http://svc:SECRET@there/")).expect("a URL");
        assert_eq!(next.url.as_str(), "http://there/");
        assert!(next.credentials.is_none());
    }
}

//! A write as a form makes a browser send it: without what only a script of the own page can add.

use keel_wire::http::Request;

use crate::probes::support::tokens::is_token_name;

/// Headers that a browser attaches by itself.
const ATTACHED: [&str; 2] = ["cookie", "authorization"];
/// Content types of forms (Fetch standard, CORS-safelisted content types).
const FORMS: [&str; 3] = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];

/// Returns true if a form can be sent by this method; every other one needs a preflight. A GET does not count as a write.
pub(super) fn may_be_form(method: &str) -> bool {
    method.eq_ignore_ascii_case("POST")
}

/// The request without every header that makes a browser ask first.
pub(super) fn as_form(mut request: Request) -> Request {
    request.headers.retain(|(name, value)| {
        let name = name.to_ascii_lowercase();
        by_browser(&name, value) || name == "content-type" && is_form(value)
    });
    if !request.body.is_empty() && !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        request = request.header("Content-Type", "text/plain");
    }
    request
}

/// Returns true if a browser attaches this header by itself. A bearer token is attached by a script, which a foreign page does not have.
pub(super) fn by_browser(name: &str, value: &str) -> bool {
    ATTACHED.contains(&name.to_ascii_lowercase().as_str()) && !value.to_ascii_lowercase().starts_with("bearer")
}

/// Returns true if a form can be sent as this.
pub(super) fn is_form(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    FORMS.contains(&kind.as_str())
}

/// Without the fields of an urlencoded form that hold a token by their name: a foreign page does not know it.
pub(super) fn without_token(request: Request) -> Request {
    let is_urlencoded = request
        .headers
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("content-type") && value.contains("urlencoded"));
    let Some(text) = std::str::from_utf8(&request.body).ok().filter(|_| is_urlencoded) else { return request };
    let kept: Vec<&str> = text.split('&').filter(|field| !is_token(field)).collect();
    let kept = kept.join("&");
    request.body(kept)
}

fn is_token(field: &str) -> bool {
    is_token_name(field.split('=').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn a_form_keeps_cookies_and_loses_what_a_foreign_page_cannot_send() {
        let request = Request::new(Method::POST, "/")
            .header("Cookie", "a=b")
            .header("Authorization", "Bearer x")
            .header("Idempotency-Key", "k")
            .json(&serde_json::json!({}));
        let headers = as_form(request).headers;
        assert_eq!(
            headers,
            [("Cookie".to_owned(), "a=b".to_owned()), ("Content-Type".to_owned(), "text/plain".to_owned())]
        );
    }

    #[test]
    fn only_the_field_of_the_token_is_left_out() {
        let form =
            Request::new(Method::POST, "/").header("Content-Type", FORMS[0]).body("a=1&csrfmiddlewaretoken=x&b=2");
        assert_eq!(without_token(form).body, "a=1&b=2");
    }
}

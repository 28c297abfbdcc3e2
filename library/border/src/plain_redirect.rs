//! The plain port of a service with TLS: it only redirects.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::Problem;

/// Routes of a plain listener beside one of TLS on `port`: GET and HEAD are redirected to https (308), and any other method is refused (403), because a
/// redirected body has crossed the network in clear already.
///
/// A client that names no port in Host reached the default one, and is redirected to that of https; one that names a port is redirected to `port`.
///
/// ```
/// let plain = evenkeel_border::redirect_to_https(8443);
/// # let _: axum::Router = plain;
/// ```
pub fn redirect_to_https(port: u16) -> Router {
    Router::new().fallback(async move |request: Request| redirect(&request, port))
}

fn redirect(request: &Request, port: u16) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let detail =
            "this port only redirects to https; send the request there, as its body can be read on the way here";
        return Problem::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().authority().map(|authority| authority.as_str()).or(host);
    let location =
        host.and_then(|host| location(host, request.uri().path_and_query().map_or("/", |path| path.as_str()), port));
    match location {
        Some(location) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response(),
        None => {
            Problem::new(StatusCode::BAD_REQUEST, "the host of the request cannot be redirected to").into_response()
        }
    }
}

fn location(host: &str, path: &str, port: u16) -> Option<HeaderValue> {
    let authority: axum::http::uri::Authority = host.parse().ok()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let name = authority.host();
    let text = match authority.port_u16() {
        None | Some(80) => format!("https://{name}{path}"),
        Some(_) => format!("https://{name}:{port}{path}"),
    };
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_the_location_is_the_default_where_the_client_used_the_default() {
        for (host, expected) in [
            ("shop.example", "https://shop.example/a?b"),
            ("shop.example:80", "https://shop.example/a?b"),
            ("127.0.0.1:8080", "https://127.0.0.1:8443/a?b"),
            ("[::1]:8080", "https://[::1]:8443/a?b"),
        ] {
            assert_eq!(location(host, "/a?b", 8443).unwrap(), expected);
        }
        assert_eq!(location("user@shop.example", "/", 8443), None);
        assert_eq!(location("two words", "/", 8443), None);
    }
}

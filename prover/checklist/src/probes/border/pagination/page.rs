//! One page of a list, as an answer shows it: its items and the way to the next page.

use keel_wire::http::Exchange;
use serde_json::Value;
use url::Url;

/// Query parameters that carry a place in a list.
const PLACES: [&str; 9] =
    ["cursor", "after", "page_token", "pageToken", "next", "starting_after", "offset", "page", "start"];

/// One page.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// The items.
    pub(super) items: Vec<Value>,
    /// The way to the next page, when there is one.
    pub(super) next: Option<Next>,
}

/// The way to the next page.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    /// Path and query to get.
    Link(String),
    /// A cursor to be sent back.
    Token(String),
}

impl Page {
    /// The page that an answer shows: the array that it is, or its first member that is one.
    pub(super) fn of(exchange: &Exchange) -> Option<Self> {
        let answer = exchange.answer().filter(|answer| answer.status.is_success())?;
        let document = answer.json()?;
        let items = match &document {
            Value::Array(items) => items.clone(),
            Value::Object(members) => members.values().find_map(Value::as_array)?.clone(),
            _ => return None,
        };
        let next = in_document(&document).or_else(|| in_link(answer.header("link"))).map(Next::new);
        Some(Self { items, next })
    }
}

impl Next {
    fn new(text: String) -> Self {
        match Url::parse(&text) {
            Ok(url) if url.has_host() => {
                Self::Link(url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())))
            }
            _ if text.starts_with('/') && text.contains('?') => Self::Link(text),
            _ => Self::Token(text),
        }
    }

    /// The cursor itself: a link carries it in one of its parameters.
    pub(super) fn token(&self) -> Option<String> {
        match self {
            Self::Token(token) => Some(token.clone()),
            Self::Link(link) => {
                let query = link.split_once('?')?.1;
                let mut parameters = url::form_urlencoded::parse(query.as_bytes());
                parameters.find(|(name, _)| PLACES.contains(&name.as_ref())).map(|(_, value)| value.into_owned())
            }
        }
    }
}

/// The same link with a cursor that is none.
pub(super) fn falsified(link: &str) -> String {
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    let falsify = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
        let place = PLACES.contains(&name.as_ref());
        (name.into_owned(), if place { "keel-no-cursor".to_owned() } else { value.into_owned() })
    };
    let pairs = url::form_urlencoded::parse(query.as_bytes()).map(falsify);
    format!("{path}?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// The usual members: `next`, `next_cursor`, `cursor.next`, `links.next`, ...
fn in_document(document: &Value) -> Option<String> {
    let pointers = [
        "/next",
        "/next_cursor",
        "/nextCursor",
        "/next_page_token",
        "/nextPageToken",
        "/cursor/next",
        "/links/next",
        "/_links/next/href",
        "/page/next",
        "/page/next_cursor",
        "/paging/next",
        "/meta/next_cursor",
        "/pagination/next_cursor",
    ];
    pointers.iter().find_map(|pointer| match document.pointer(pointer)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// `Link: <...>; rel="next"` (RFC 8288).
fn in_link(header: &str) -> Option<String> {
    header.split(',').find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let parameters = parameters.to_ascii_lowercase().replace([' ', '"'], "");
        parameters.split(';').any(|parameter| parameter == "rel=next").then(|| target.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_as_the_next_page_is_seen_as_a_cursor() {
        assert_eq!(in_document(&json!({ "items": [], "next": 20 })), Some("20".into()));
    }

    #[test]
    fn the_next_link_is_found_among_others() {
        let header = "</a?page=1>; rel=\"prev\", </a?page=3>; rel=\"next\"";
        assert_eq!(in_link(header), Some("/a?page=3".into()));
        assert_eq!(Next::new("/a?page=3".into()).token(), Some("3".into()));
    }

    #[test]
    fn a_link_is_falsified_in_its_cursor_only() {
        assert_eq!(falsified("/a?limit=5&cursor=xyz"), "/a?limit=5&cursor=keel-no-cursor");
    }
}

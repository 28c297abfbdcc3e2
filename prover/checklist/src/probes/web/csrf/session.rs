//! Session of a browser: the headers that it attaches to a request of a foreign page.

use keel_wire::http::{Exchange, Request};

use super::form::by_browser;

/// The session that a foreign page could misuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// Cookies that the service set and that browsers attach to forms of foreign pages, as one `Cookie` header.
    set: Option<String>,
}

impl Session {
    /// The one of a request; none when a browser attaches nothing to it by itself.
    pub(super) fn of(request: &Request, earlier: &[&Exchange]) -> Option<Self> {
        if request.headers.iter().any(|(name, value)| by_browser(name, value)) {
            return Some(Self { set: None });
        }
        let cookies: Vec<&str> = set_cookies(earlier).filter_map(attached).collect();
        (!cookies.is_empty()).then(|| Self { set: Some(cookies.join("; ")) })
    }

    /// The request with what the service set; what was declared is in it already.
    pub(super) fn attach(&self, request: Request) -> Request {
        match &self.set {
            Some(cookies) => request.header("Cookie", cookies),
            None => request,
        }
    }
}

/// Returns true if any of these answers sets a cookie.
pub(super) fn sets_cookies(earlier: &[&Exchange]) -> bool {
    set_cookies(earlier).next().is_some()
}

fn set_cookies<'a>(earlier: &[&'a Exchange]) -> impl Iterator<Item = &'a str> {
    let answers = earlier.iter().filter_map(|exchange| exchange.answer());
    answers.flat_map(|answer| answer.headers.get_all("set-cookie")).filter_map(|value| value.to_str().ok())
}

/// The name and value of a cookie that goes along with a form of a foreign page: one without `SameSite=Lax` or `Strict`.
fn attached(set_cookie: &str) -> Option<&str> {
    let mut parts = set_cookie.split(';').map(str::trim);
    let cookie = parts.next().filter(|cookie| cookie.contains('='))?;
    let stays = parts.any(|part| {
        let part = part.to_ascii_lowercase();
        part.starts_with("samesite") && (part.ends_with("lax") || part.ends_with("strict"))
    });
    (!stays).then_some(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_stays_on_its_site_is_not_attached() {
        assert_eq!(attached("a=b; Path=/; SameSite=Lax"), None);
        assert_eq!(attached("a=b; SameSite=None; Secure"), Some("a=b"));
        assert_eq!(attached("a=b; Path=/"), Some("a=b"));
    }
}

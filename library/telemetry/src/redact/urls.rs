//! Credentials in URLs: the userinfo before `@`.

use super::names::REDACTED;

/// Search distance for the `@` behind a malformed authority, in bytes.
const MALFORMED_REACH: usize = 256;

/// Removes the userinfo of every URL and of every `user:password@host` without a scheme. `None` when there is none.
///
/// A password may hold characters that end an authority (`/`, `?`, `#`, a blank). Where the text before the first of them is no host and
/// port (`svc:ab` in `http://svc:ab/cd@bank`), everything up to the `@` counts as credentials. A host with a port and an `@` in the
/// path (`http://h:80/@me`) cannot be told from that and loses its host.
pub(super) fn without_userinfo(text: &str) -> Option<String> {
    if !text.contains('@') {
        return None;
    }
    let mut clean = String::with_capacity(text.len());
    let (mut copied, mut from) = (0, 0);
    while let Some(sign) = text[from..].find('@').map(|at| from + at) {
        from = sign + 1;
        let Some(start) = userinfo_start(&text[copied..sign]).map(|start| copied + start) else { continue };
        if text[from..].starts_with("sha256:") && !text[copied..start].ends_with("://") {
            // `image:tag@sha256:digest` names a container image.
            continue;
        }
        clean.push_str(&text[copied..start]);
        clean.push_str(REDACTED);
        // The password itself may hold an `@`: the last one of the word ends it.
        let word =
            text[sign..].find(|c: char| c.is_whitespace() || "\"'`<>".contains(c)).map_or(text.len(), |at| sign + at);
        copied = sign + text[sign..word].rfind('@').unwrap_or(0);
        from = copied + 1;
    }
    (copied > 0).then(|| {
        clean.push_str(&text[copied..]);
        clean
    })
}

/// Finds the start of the userinfo that ends with `before`.
fn userinfo_start(before: &str) -> Option<usize> {
    if let Some(scheme) = before.rfind("://") {
        let start = scheme + 3;
        let inside = &before[start..];
        let authority = &inside[..inside.find(ends_authority).unwrap_or(inside.len())];
        if authority.len() == inside.len() {
            return (!inside.is_empty() && inside != REDACTED).then_some(start);
        }
        let reachable = inside.len() <= MALFORMED_REACH && !inside.contains('\n');
        let same_word = !inside.contains(char::is_whitespace);
        if reachable && (same_word && authority.contains(':') || has_no_port(authority)) && !authority.starts_with('[')
        {
            return Some(start);
        }
    }
    // Without a scheme: one word with a colon inside.
    let word = before.rfind(|c: char| c.is_whitespace() || "\"'`()<>[]{},|".contains(c));
    let start = word.map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let (user, password) = before[start..].split_once(':')?;
    let named = !user.is_empty() && !password.is_empty() && !user.contains('/') && !password.starts_with("//");
    named.then_some(start)
}

fn ends_authority(c: char) -> bool {
    matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>' | '\\') || c.is_whitespace()
}

/// Returns true for `name:word`, where a port would be a number.
fn has_no_port(authority: &str) -> bool {
    authority.split_once(':').is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn userinfo_is_removed_from_well_formed_and_malformed_urls() {
        let cases = [
            ("http://svc:ab/cdSECRET@bank", "http://[redacted]@bank"),
            ("a://u:p@h b://v@i", "a://[redacted]@h b://[redacted]@i"),
            ("a://u:SEC@RET@h/d", "a://[redacted]@h/d"),
            ("svc:SECRET@host", "[redacted]@host"),
            ("is \"svc:SECRET@host\": no", "is \"[redacted]@host\": no"),
            ("postgres://u:my SECRET@h/d", "postgres://[redacted]@h/d"),
        ];
        for (given, shown) in cases {
            assert_eq!(without_userinfo(given).as_deref(), Some(shown), "{given}");
        }
    }
}

//! Templates with places for values, such as `/accounts/{account}?key={key}`.
//!
//! ```
//! use keel_input::template::fill;
//!
//! let value = |name: &str| (name == "account").then(|| "a7".to_owned());
//! assert_eq!(fill("/accounts/{account}/{unknown}", value), "/accounts/a7/{unknown}");
//! ```

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Plain text.
    Text(&'a str),
    /// A name that stood in braces.
    Name(&'a str),
}

/// Splits a template into plain text and names. Braces around what is no name stay text, so that JSON can be written plainly;
/// a place ends at the first closing brace.
pub fn pieces(template: &str, is_name: impl Fn(&str) -> bool) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut text, mut from) = (0, 0);
    while let Some(open) = template[from..].find('{').map(|at| from + at) {
        from = open + 1;
        let Some((name, _)) = template[from..].split_once('}') else { break };
        if is_name(name) {
            pieces.extend([Piece::Text(&template[text..open]), Piece::Name(name)]);
            from += name.len() + 1;
            text = from;
        }
    }
    pieces.push(Piece::Text(&template[text..]));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

/// Returns true for a valid name: ASCII letters, digits, `_` and `-`.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// Fills a template. A name without a value stays as it is written, braces and all.
pub fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(template.len());
    for piece in pieces(template, |name| value(name).is_some()) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => filled.push_str(&value(name).unwrap_or_default()),
        }
    }
    filled
}

/// The names of a template that nothing fills, in their order.
pub fn unknown(template: &str, is_known: impl Fn(&str) -> bool) -> Vec<&str> {
    let names = pieces(template, is_name).into_iter().filter_map(|piece| match piece {
        Piece::Name(name) => Some(name),
        Piece::Text(_) => None,
    });
    names.filter(|name| !is_known(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_without_names_is_left_alone() {
        for plain in ["", "{", "}", "a{b", "{{}}", "{\"a\":1}"] {
            assert_eq!(fill(plain, |_| None), plain);
            assert!(pieces(plain, is_name).iter().all(|piece| matches!(piece, Piece::Text(_))), "{plain}");
        }
    }

    #[test]
    fn a_name_inside_of_other_braces_is_found() {
        assert_eq!(
            pieces("{\"a\":\"{n}\"}", is_name),
            [Piece::Text("{\"a\":\""), Piece::Name("n"), Piece::Text("\"}")]
        );
        assert_eq!(fill("{{n}}", |name| (name == "n").then(|| "1".to_owned())), "{1}");
    }

    #[test]
    fn names_that_nothing_fills_are_found() {
        assert_eq!(unknown("/a/{key}/{acount}?q={b}", |name| name == "key"), ["acount", "b"]);
        assert!(unknown("{\"a\": { }, {x y}}", |_| false).is_empty());
    }
}

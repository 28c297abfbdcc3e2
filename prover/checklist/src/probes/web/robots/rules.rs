//! Reads robots.txt (RFC 9309, 2.2).

/// Counts the rules in groups of user agents. Rules before the first group apply to no agent, unknown lines are skipped.
pub(super) fn count(text: &str) -> usize {
    let mut in_group = false;
    let mut rules = 0;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.split('#').next().unwrap_or_default();
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "user-agent" => in_group |= is_agent(value),
            "allow" | "disallow" => rules += usize::from(in_group && is_pattern(value)),
            _ => {}
        }
    }
    rules
}

/// A product token; versions after a slash are common and harmless.
fn is_agent(value: &str) -> bool {
    let token = value.split(['/', ' ']).next().unwrap_or_default();
    value == "*" || !token.is_empty() && token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// Empty, or a path in which `*` and `$` may stand.
fn is_pattern(value: &str) -> bool {
    value.is_empty() || value.starts_with(['/', '*'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_count_only_in_a_group() {
        assert_eq!(count("User-agent: *\nDisallow: /"), 1);
        assert_eq!(
            count("\u{feff}# hello\r\nuser-agent : a\r\nUser-Agent: b\r\n\r\nAllow: /x # y\r\nDisallow:\r\n"),
            2
        );
        assert_eq!(count("Disallow: /\nUser-agent: *"), 0);
    }

    #[test]
    fn a_text_that_is_no_robots_txt_has_no_rules() {
        for text in ["", "User-agent: *", "User-agent:\nDisallow: /", "<html>disallow: /</html>", "hello: world"] {
            assert_eq!(count(text), 0, "{text}");
        }
        assert_eq!(count("User-agent: *\nDisallow: secret"), 0, "a pattern begins with a slash");
    }
}

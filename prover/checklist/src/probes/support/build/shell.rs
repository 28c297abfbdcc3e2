//! Lines of a shell as simple commands, and what becomes of their failure. No shell: enough to tell a command from a word in a text.

/// A simple command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    /// The program first; assignments and words that only run what follows (`exec`, `sudo`, `npx`) left out.
    pub(super) words: Vec<String>,
    /// Why its failure does not count.
    pub(super) ignored: Option<String>,
    /// True if `;` follows it.
    pub(super) before_semicolon: bool,
}

/// Words that run what follows.
const BEFORE: [&str; 16] = [
    "exec", "sudo", "env", "time", "nice", "command", "npx", "bunx", "uvx", "then", "do", "else", "{", "(", "--yes",
    "builtin",
];
/// The same in two words.
const BEFORE_TWO: [(&str, &str); 7] = [
    ("python", "-m"),
    ("python3", "-m"),
    ("poetry", "run"),
    ("uv", "run"),
    ("pipenv", "run"),
    ("pipx", "run"),
    ("bundle", "exec"),
];

/// A word, or what stands between commands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `&&`, `||`, `;`, `|`, `&`.
    Operator(&'static str),
}

/// Lines with those that end in a backslash joined.
pub(super) fn joined(text: &str) -> Vec<String> {
    let (mut lines, mut open) = (Vec::new(), String::new());
    for line in text.lines() {
        match line.strip_suffix('\\') {
            Some(part) => open.push_str(part),
            None => lines.push(std::mem::take(&mut open) + line),
        }
    }
    lines
}

/// Every simple command with its line; what is in `if false` is ignored.
pub(super) fn lines(text: &str) -> Vec<(String, Simple)> {
    let mut all = Vec::new();
    let (mut depth, mut off) = (0_usize, None);
    for line in joined(text) {
        let words: Vec<&str> = line.split([' ', '\t', ';']).filter(|word| !word.is_empty()).collect();
        if words.first() == Some(&"if") {
            depth += 1;
            if words.get(1) == Some(&"false") {
                off.get_or_insert(depth);
            }
        }
        for mut simple in simple(&line) {
            if off.is_some() {
                simple.ignored = Some("it stands after if false".to_owned());
            }
            all.push((line.clone(), simple));
        }
        if words.contains(&"fi") {
            off = off.filter(|from| *from != depth);
            depth = depth.saturating_sub(1);
        }
    }
    all
}

/// The simple commands of one line.
pub(super) fn simple(line: &str) -> Vec<Simple> {
    let tokens = tokens(line);
    let mut all = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let end = tokens[at..]
            .iter()
            .position(|token| matches!(token, Token::Operator(_)))
            .map_or(tokens.len(), |length| at + length);
        let words = tokens[at..end].iter().filter_map(|token| match token {
            Token::Word(word) => Some(word.clone()),
            Token::Operator(_) => None,
        });
        let (words, condition) = bare(words.collect());
        let operator = match tokens.get(end) {
            Some(Token::Operator(operator)) => *operator,
            _ => "",
        };
        let ignored = if condition {
            Some("it is a condition".to_owned())
        } else {
            match operator {
                "||" if !fails(&tokens[end + 1..]) => Some("|| goes on after its failure".to_owned()),
                "|" => Some("its failure is lost in a pipe".to_owned()),
                "&" => Some("it runs in the background".to_owned()),
                _ => None,
            }
        };
        if !words.is_empty() {
            all.push(Simple { words, ignored, before_semicolon: operator == ";" });
        }
        at = end + 1;
    }
    all
}

/// Returns true if the command after `||` fails in its turn.
fn fails(tokens: &[Token]) -> bool {
    let words: Vec<&str> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Word(word) => Some(word.trim_end_matches('}')),
            Token::Operator(_) => None,
        })
        .collect();
    words.contains(&"false") || words.windows(2).any(|pair| ["exit", "return"].contains(&pair[0]) && pair[1] != "0")
}

/// The words from the program on, and whether it is a condition.
fn bare(mut words: Vec<String>) -> (Vec<String>, bool) {
    let mut condition = false;
    loop {
        let first = words.first().map(String::as_str).unwrap_or_default();
        let is_assignment = first.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        let two = words.get(1).is_some_and(|second| BEFORE_TWO.contains(&(first, second)));
        if ["if", "while", "until", "!", "elif"].contains(&first) {
            condition = true;
            words.remove(0);
        } else if is_assignment || BEFORE.contains(&first) {
            words.remove(0);
        } else if two {
            words.drain(..2);
        } else {
            return (words, condition);
        }
    }
}

fn tokens(line: &str) -> Vec<Token> {
    let (mut tokens, mut word, mut quote, mut in_word) = (Vec::new(), String::new(), None, false);
    let mut chars = line.chars().peekable();
    let end = |tokens: &mut Vec<Token>, word: &mut String, in_word: &mut bool| {
        if std::mem::take(in_word) {
            tokens.push(Token::Word(std::mem::take(word)));
        }
    };
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.push(c),
            ('\'' | '"', None) => (quote, in_word) = (Some(c), true),
            (' ' | '\t', None) => end(&mut tokens, &mut word, &mut in_word),
            ('#', None) if !in_word => break,
            ('>' | '<', None) => {
                // A redirection and its target are no words; a number before it names a descriptor.
                if word.bytes().all(|byte| byte.is_ascii_digit()) {
                    (in_word, word) = (false, String::new());
                }
                end(&mut tokens, &mut word, &mut in_word);
                while chars.peek().is_some_and(|next| ['>', '<', '&', ' '].contains(next)) {
                    chars.next();
                }
                while chars.peek().is_some_and(|next| ![' ', '\t', ';', '|', '&'].contains(next)) {
                    chars.next();
                }
            }
            ('&' | '|' | ';', None) => {
                end(&mut tokens, &mut word, &mut in_word);
                let twice = chars.peek() == Some(&c);
                if twice {
                    chars.next();
                }
                tokens.push(Token::Operator(match (c, twice) {
                    ('&', true) => "&&",
                    ('|', true) => "||",
                    ('&', false) => "&",
                    ('|', false) => "|",
                    _ => ";",
                }));
            }
            (c, None) => {
                word.push(c);
                in_word = true;
            }
        }
    }
    end(&mut tokens, &mut word, &mut in_word);
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<(String, bool)> {
        simple(line).into_iter().map(|simple| (simple.words.join(" "), simple.ignored.is_some())).collect()
    }

    fn one(words: &str, ignored: bool) -> (String, bool) {
        (words.to_owned(), ignored)
    }

    #[test]
    fn a_word_in_a_text_is_no_command() {
        assert_eq!(words("echo \"TODO: cargo audit\" # npm audit"), [one("echo TODO: cargo audit", false)]);
        assert_eq!(words("A=1 exec cargo audit >/dev/null 2>&1"), [one("cargo audit", false)]);
        assert_eq!(words("python -m pip_audit"), [one("pip_audit", false)]);
    }

    #[test]
    fn a_failure_that_goes_on_is_ignored() {
        assert_eq!(words("cargo deny check || true"), [one("cargo deny check", true), one("true", false)]);
        assert_eq!(words("cargo deny check || { echo bad; exit 1; }")[0], one("cargo deny check", false));
        assert_eq!(words("cargo deny --version >/dev/null 2>&1 || {")[0], one("cargo deny --version", true));
        assert_eq!(words("cargo audit | tee log")[0], one("cargo audit", true));
        assert_eq!(words("if cargo audit; then")[0], one("cargo audit", true));
        assert_eq!(words("cargo audit && cargo test"), [one("cargo audit", false), one("cargo test", false)]);
        assert!(
            lines("if false; then\ncargo audit\nfi\ncargo test")
                .iter()
                .any(|(_, it)| it.words[0] == "cargo" && it.ignored.is_some())
        );
    }
}

//! Secrets in the files of a repository, by their forms.
//!
//! Forms are those that the issuers document (AWS, GitHub, GitLab, Slack, Stripe, Google, PEM of RFC 7468), and assigned passwords in
//! files of configuration when they look random.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::clause::access::secrets as clause;
use crate::finding::Evidence;
use crate::probes::support::repository;

/// The most findings that are named.
const MAX_NAMED: usize = 5;
/// From how many bits a character on an assigned value looks random (Shannon; English words have less than 3).
const LEAST_ENTROPY: f64 = 3.2;

/// Forms of credentials, and what they are called.
static FORMS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let form = |pattern: &str| Regex::new(pattern).expect("the tests have built every pattern");
    vec![
        ("a private key", form(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s*\n[A-Za-z0-9+/=]{20}")),
        ("an AWS access key", form(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
        ("a GitHub token", form(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})")),
        ("a GitLab token", form(r"\bglpat-[A-Za-z0-9_-]{20}")),
        ("a Slack token", form(r"\bxox[abprs]-[0-9A-Za-z-]{20,}")),
        ("a Stripe key", form(r"\b[rs]k_live_[0-9A-Za-z]{20,}")),
        ("a Google API key", form(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ]
});

static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern =
        r#"(?i)\b[a-z0-9_.-]*(?:password|passwd|secret|api_?key|access_?token)["']?\s*[:=]\s*["']?([^\s"'#,;]{8,})"#;
    Regex::new(pattern).expect("the tests have built the pattern")
});

/// The same in code, where only a literal in quotes counts.
static LITERAL: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"(?i)\b[a-z0-9_]*(?:password|passwd|secret|api_?key|access_?token)[a-z0-9_]*["']?\s*(?::[^=]{0,20})?[:=]=?\s*["']([^\s"']{8,})["']"#;
    Regex::new(pattern).expect("the tests have built the pattern")
});

/// Searches all tracked files for secrets; literals in code that may be some are a gap.
pub(super) fn scan(root: &Path) -> Vec<Evidence> {
    let files = repository::files(root);
    let mut found = Vec::new();
    let (mut read, mut doubtful) = (0, Vec::new());
    for path in files.iter().filter(|path| !is_fixture(path)) {
        let Some(text) = repository::text(&root.join(path)) else { continue };
        read += 1;
        doubtful.extend(literals(path, &text).into_iter().map(|line| format!("{}:{line}", path.display())));
        found.extend(secrets(path, &text).into_iter().map(|what| format!("{what} in {}", path.display())));
    }
    let gap = (!doubtful.is_empty()).then(|| {
        let (count, named) = (doubtful.len(), doubtful.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", "));
        clause::NOT_IN_CODE.gap(format!("{count} literals in code look like passwords, which may be a test's: {named}"))
    });
    let decided = match found.len() {
        0 if read == 0 => clause::NOT_IN_CODE.gap(format!("no file in {} could be read as text", root.display())),
        0 => clause::NOT_IN_CODE
            .holds(format!("none of {read} files of the repository holds a credential of a known form")),
        count => {
            found.truncate(MAX_NAMED);
            clause::NOT_IN_CODE.contradicts(format!("the repository holds {count} credentials: {}", found.join(", ")))
        }
    };
    std::iter::once(decided).chain(gap).collect()
}

/// The lines of code in which a literal is called a password and looks random.
fn literals(path: &Path, text: &str) -> Vec<usize> {
    let code =
        ["c", "cc", "cpp", "cs", "go", "java", "js", "kt", "php", "pl", "py", "rb", "rs", "scala", "sh", "swift", "ts"];
    let is_code = path.extension().is_some_and(|end| code.contains(&&*end.to_string_lossy()));
    let lines = text.lines().enumerate().filter(|_| is_code);
    let looks = |line: &str| LITERAL.captures_iter(line).any(|groups| looks_random(&groups[1]));
    lines.filter(|(_, line)| looks(line)).map(|(number, _)| number + 1).collect()
}

/// Folders whose files are examples and material of tests.
fn is_fixture(path: &Path) -> bool {
    let fixture = ["tests", "test", "testdata", "fixtures", "examples", "example", "spec", "specs", "__tests__"];
    path.parent().is_some_and(|folder| folder.iter().any(|part| fixture.contains(&&*part.to_string_lossy())))
}

/// Returns the kinds of secrets in a file; the secret itself is never shown.
fn secrets(path: &Path, text: &str) -> Vec<String> {
    let mut found: Vec<String> =
        FORMS.iter().filter(|(_, form)| form.is_match(text)).map(|(what, _)| (*what).to_owned()).collect();
    if is_configuration(path) {
        let lines = text.lines().enumerate();
        let assigned = lines.filter(|(_, line)| ASSIGNED.captures_iter(line).any(|groups| looks_random(&groups[1])));
        found.extend(assigned.map(|(number, _)| format!("an assigned password (line {})", number + 1)));
    }
    found
}

fn is_configuration(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let kinds = ["toml", "yaml", "yml", "json", "ini", "conf", "cfg", "properties", "env", "tfvars"];
    name.starts_with(".env") && !name.ends_with("example")
        || kinds.iter().any(|kind| name.ends_with(&format!(".{kind}")))
}

/// Returns true if a value could be a secret and not a word, a reference or a placeholder.
fn looks_random(value: &str) -> bool {
    let reference = ["$", "{", "<", "%", "env.", "vault:", "ref+", "/"].iter().any(|start| value.starts_with(start));
    let mixed = value.chars().any(|c| c.is_ascii_digit()) && value.chars().any(|c| c.is_ascii_alphabetic());
    !reference && mixed && entropy(value) >= LEAST_ENTROPY
}

/// Shannon entropy in bits a character.
fn entropy(text: &str) -> f64 {
    let mut counts: HashMap<char, f64> = HashMap::new();
    for c in text.chars() {
        *counts.entry(c).or_default() += 1.0;
    }
    let length = text.chars().count() as f64;
    counts.values().map(|count| -(count / length) * (count / length).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, text: &str) -> usize {
        secrets(Path::new(name), text).len()
    }

    #[test]
    fn credentials_are_known_by_their_forms() {
        // Put together here, so that this file holds none itself.
        let key = format!("-----BEGIN RSA PRIVATE {}-----\nMIIEpAIBAAKCAQEAx0vG", "KEY");
        assert_eq!(found("id_rsa", &key), 1);
        assert_eq!(found("a.rs", &format!("let key = \"AKIA{}\";", "Q3EGSZ7XJ4KD2ABC")), 1);
        assert_eq!(found("a.py", &format!("t = 'ghp_{}'", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8")), 1);
        assert_eq!(found("README.md", "-----BEGIN PRIVATE KEY----- is how a key begins"), 0);
    }

    #[test]
    fn assigned_values_count_in_configuration_when_they_look_random() {
        assert_eq!(found("app.yaml", "password: h7Gq2kZ9xW4m"), 1);
        assert_eq!(found("app.toml", "api_key = \"9fQ2mX7bL4tR8w\" # mine"), 1);
        for harmless in [
            "password: ${DB_PASSWORD}",
            "password: ${h7Gq2kZ9xW4m}",
            "password: changeme",
            "secret = \"aaaaaaa1\"",
            "token_url: https://x1",
        ] {
            assert_eq!(found("app.yaml", harmless), 0, "{harmless}");
        }
        assert_eq!(found("app.rs", "let password = \"h7Gq2kZ9xW4m\";"), 0, "code is full of words that look like it");
    }

    #[test]
    fn literals_in_code_are_doubtful_when_they_are_called_passwords_and_look_random() {
        let of = |name: &str, text: &str| literals(Path::new(name), text).len();
        assert_eq!(of("app.py", "DB_PASSWORD = 'h7Gq2kZ9xW4m'"), 1);
        assert_eq!(of("app.rs", "const API_KEY: &str = \"9fQ2mX7bL4tR8w\";"), 1);
        for harmless in ["password = read_secret()", "password = 'changeme'", "if token == None: secret = ''"] {
            assert_eq!(of("app.py", harmless), 0, "{harmless}");
        }
    }
}

//! Commands that check dependencies, and what each of them checks for.

use crate::probes::support::build::Command;

/// Check of a command, whose findings fail it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Vulnerable,
    Yanked,
    Unlicensed,
}

/// A command that looks for vulnerabilities, and what it must be told so that a finding fails it: any of these.
const VULNERABILITIES: [(&str, &[&str]); 22] = [
    ("cargo audit", &[]),
    ("npm audit", &[]),
    ("pnpm audit", &[]),
    ("yarn audit", &[]),
    ("yarn npm audit", &[]),
    ("bun audit", &[]),
    ("audit-ci", &[]),
    ("better-npm-audit", &[]),
    ("pip-audit", &[]),
    ("pip_audit", &[]),
    ("safety check", &[]),
    ("safety scan", &[]),
    ("govulncheck", &[]),
    ("osv-scanner", &[]),
    ("trivy", &["--exit-code"]),
    ("grype", &["--fail-on", "-f"]),
    ("snyk test", &[]),
    ("bundle audit", &[]),
    ("bundle-audit", &[]),
    ("bundler-audit", &[]),
    ("composer audit", &[]),
    ("dependency-review-action", &[]),
];
/// The same for licences.
const LICENCES: [(&str, &[&str]); 10] = [
    ("cargo about", &[]),
    ("license-checker", &["--failOn", "--onlyAllow"]),
    ("license-checker-rseidelsohn", &["--failOn", "--onlyAllow"]),
    ("licensecheck", &["--zero", "-0", "--fail-licenses", "--only-licenses"]),
    ("pip-licenses", &["--fail-on", "--allow-only"]),
    ("go-licenses check", &[]),
    ("license_finder", &[]),
    ("reuse lint", &[]),
    ("scancode", &[]),
    ("dependency-review-action", &[]),
];
/// With these a command only tells something of itself, or looks without judging.
const TELLS: [&str; 8] = ["--version", "-V", "--help", "-h", "help", "install", "init", "list"];
/// The parts of `cargo deny check`.
const PARTS: [&str; 5] = ["advisories", "bans", "licenses", "licences", "sources"];

/// Returns the checks of this command; `rules` are those of `deny.toml`.
pub(super) fn checks(command: &Command, rules: &str) -> Vec<Check> {
    if command.words.iter().skip(1).any(|word| TELLS.contains(&word.as_str())) {
        return Vec::new();
    }
    let has = |word: &str| command.words.iter().any(|own| own == word || own.starts_with(&format!("{word}=")));
    let one_of = |tools: &[(&str, &[&str])]| {
        tools.iter().any(|(words, told)| command.is(words) && (told.is_empty() || told.iter().any(|word| has(word))))
    };
    let mut found = Vec::new();
    if one_of(&VULNERABILITIES) {
        found.push(Check::Vulnerable);
    }
    if one_of(&LICENCES) {
        found.push(Check::Unlicensed);
    }
    if command.is("cargo audit") && ["yanked", "warnings"].iter().any(|word| has(word)) {
        found.push(Check::Yanked);
    }
    let deny =
        (command.is("cargo deny") || command.is("cargo-deny")) && has("check") || command.is("cargo-deny-action");
    if deny {
        let all = !PARTS.iter().any(|part| has(part));
        if all || has("advisories") {
            found.push(Check::Vulnerable);
            if denies_yanked(rules) {
                found.push(Check::Yanked);
            }
        }
        if all || has("licenses") || has("licences") {
            found.push(Check::Unlicensed);
        }
    }
    found
}

/// Returns true if these rules make a yanked version a fault; the default is a warning.
fn denies_yanked(rules: &str) -> bool {
    let rules: Result<toml::Table, _> = rules.parse();
    let says = |rules: toml::Table| rules.get("advisories")?.get("yanked")?.as_str().map(str::to_owned);
    rules.ok().and_then(says).is_some_and(|word| word == "deny")
}

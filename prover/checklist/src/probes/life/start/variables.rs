//! Environment variables whose value must have a certain form.

use std::net::IpAddr;

use regex::Regex;

use crate::recipe::words::OF_A_FAULT;

/// Variables that runtimes and libraries read for themselves: the service is not responsible for them.
const OF_RUNTIMES: [&str; 14] = [
    "DRILL_", "GO", "JAVA_", "JDK_", "LANG", "LC_", "LD_", "MALLOC_", "NODE_", "OMP_", "PYTHON", "RUST_", "TOKIO_",
    "UV_",
];

/// Returns the form of a variable's value; `None` for plain text, switches, and variables of runtimes.
pub(super) fn form(name: &str, value: &str) -> Option<&'static str> {
    if OF_RUNTIMES.iter().any(|prefix| name.starts_with(prefix)) {
        return None;
    }
    let is = |pattern: &str| Regex::new(pattern).expect("the pattern is a literal").is_match(value);
    if ["0", "1"].contains(&value) {
        return None;
    }
    if value.parse::<IpAddr>().is_ok() || is(r"^[^\s/]+:\d{1,5}$") {
        return Some("an address");
    }
    if is(r"^[A-Za-z][A-Za-z0-9+.-]*://\S+$") || is(r"^(sqlite|file|jdbc|unix):\S+$") {
        return Some("a URL");
    }
    if is(r"^[+-]?\d+(\.\d+)?$") {
        return Some("a number");
    }
    if is(r"^\d+(\.\d+)?\s?(ns|us|µs|ms|s|sec|m|min|h|d)$") {
        return Some("a duration");
    }
    None
}

/// Returns true if a line contains the name as a word, in any case, with - for _.
pub(super) fn names(line: &str, name: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let (line, name) = (plain(line), plain(name));
    let of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(&name).any(|(at, _)| {
        // `--port` has become `__port`.
        let before = line[..at].trim_end_matches('_').len();
        let dashes = at - before;
        let starts = !line[..before].ends_with(of_word) || dashes >= 2;
        starts && !line[at + name.len()..].starts_with(of_word)
    })
}

/// Returns true if a line reports a fault, and not only the next step.
pub(super) fn tells_of_a_fault(line: &str) -> bool {
    Regex::new(OF_A_FAULT).expect("the pattern is a literal").is_match(line)
}

/// Returns true if a line says that an address is in use, in the words of operating systems and runtimes.
pub(super) fn tells_of_use(line: &str) -> bool {
    Regex::new(r"(?i)\bin ?use\b|addrinuse|already bound|occupied").expect("the pattern is a literal").is_match(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_addresses_numbers_and_durations_have_a_form() {
        for (value, expected) in [
            ("8080", "a number"),
            ("0.5", "a number"),
            ("127.0.0.1", "an address"),
            ("127.0.0.1:80", "an address"),
            ("localhost:80", "an address"),
            ("http://127.0.0.1:9/v1", "a URL"),
            ("sqlite:data/x.db", "a URL"),
            ("30s", "a duration"),
            ("250 ms", "a duration"),
        ] {
            assert_eq!(form("X", value), Some(expected), "{value}");
        }
    }

    #[test]
    fn plain_text_switches_and_what_runtimes_read_have_none() {
        for (name, value) in
            [("X", "info"), ("X", "a::b=debug"), ("X", "1"), ("X", ""), ("X", "data/x"), ("TOKIO_WORKER_THREADS", "4")]
        {
            assert_eq!(form(name, value), None, "{name}={value}");
        }
    }

    #[test]
    fn a_name_counts_only_as_a_word() {
        assert!(names("invalid value for '--database-url <DATABASE_URL>'", "DATABASE_URL"));
        assert!(names("error: --port must be a number", "PORT"));
        assert!(names("database_url: no URL", "DATABASE_URL"));
        assert!(names("cannot bind 127.0.0.1:8080", "8080"));
        assert!(!names("this is not supported", "PORT"));
        assert!(!names("ADMIN_PORT is wrong", "PORT"));
        assert!(!names("at line 18080", "8080"));
    }

    #[test]
    fn an_announcement_is_no_fault() {
        assert!(tells_of_a_fault("Error: AddrInUse"));
        assert!(!tells_of_a_fault("listening on 127.0.0.1:8080"));
        assert!(!tells_of_use("binding 127.0.0.1:8080"));
        assert!(tells_of_use("OSError: [Errno 98] Address already in use"));
        assert!(tells_of_use("Os { code: 98, kind: AddrInUse }"));
    }
}

//! PostgreSQL's SQLSTATEs (Appendix A of its manual): five characters, the first two name the class.

use super::constraint::ConstraintKind;
use super::meaning::Meaning;

/// A statement was prepared before the schema changed ("cached plan must not change result type"): prepared anew it works. The code
/// alone says no more than "feature not supported".
pub(crate) fn is_stale(code: &str, routine: Option<&str>) -> bool {
    code == "0A000" && routine == Some("RevalidateCachedQuery")
}

/// The session has ended. PgBouncer says so ("server conn crashed?") with the code of a protocol violation, which is fatal only then.
pub(crate) fn is_end_of_session(code: &str, fatal: bool) -> bool {
    code == "08P01" && fatal
}

/// The meaning of a SQLSTATE.
pub(crate) fn meaning(code: &str) -> Meaning {
    if let Some((_, meaning)) = CODES.iter().find(|(known, _)| *known == code) {
        return *meaning;
    }
    let class = code.get(..2).unwrap_or_default();
    CLASSES.iter().find(|(known, _)| *known == class).map_or(Meaning::Other, |(_, meaning)| *meaning)
}

/// Codes whose meaning is not that of their class.
const CODES: &[(&str, Meaning)] = &[
    ("08001", Meaning::Unavailable), // the server could not be reached
    ("08004", Meaning::Unavailable), // the server rejected the connection
    ("08P01", Meaning::Other),       // protocol violation: a fault of a driver or pooler
    ("23502", Meaning::Constraint(ConstraintKind::NotNull)),
    ("23503", Meaning::Constraint(ConstraintKind::ForeignKey)),
    ("23001", Meaning::Constraint(ConstraintKind::ForeignKey)), // ON DELETE RESTRICT
    ("23505", Meaning::Constraint(ConstraintKind::Unique)),
    ("23514", Meaning::Constraint(ConstraintKind::Check)),
    ("23P01", Meaning::Constraint(ConstraintKind::Exclusion)),
    ("26000", Meaning::Pooler), // the prepared statement does not exist
    ("42P05", Meaning::Pooler), // the prepared statement exists already
    ("25006", Meaning::ReadOnly),
    ("25P02", Meaning::Aborted),
    ("25P03", Meaning::Disconnected), // idle_in_transaction_session_timeout ends the session
    ("25P04", Meaning::Timeout),      // transaction_timeout
    ("40001", Meaning::Conflict),
    ("40P01", Meaning::Conflict),
    ("40003", Meaning::Disconnected), // statement completion unknown
    ("40002", Meaning::Constraint(ConstraintKind::Other)), // a constraint, found at the commit
    ("42501", Meaning::Denied),
    ("53100", Meaning::Full),
    ("55006", Meaning::Locked), // object in use
    ("55P03", Meaning::Locked), // lock_timeout, NOWAIT
    ("57014", Meaning::Timeout),
    ("57P01", Meaning::Disconnected), // admin shutdown, pg_terminate_backend
    ("57P02", Meaning::Disconnected), // crash shutdown
    ("57P03", Meaning::Unavailable),  // starting, stopping, in recovery
    ("57P05", Meaning::Disconnected), // idle_session_timeout
    ("58030", Meaning::Unavailable),  // input/output error
];

/// The meaning of the codes of a class that [`CODES`] does not name; of a class that is not here it is [`Meaning::Other`].
const CLASSES: &[(&str, Meaning)] = &[
    ("08", Meaning::Disconnected), // connection exceptions
    ("22", Meaning::InvalidValue), // data exceptions
    ("23", Meaning::Constraint(ConstraintKind::Other)),
    ("28", Meaning::Denied),                            // authorization
    ("44", Meaning::Constraint(ConstraintKind::Check)), // WITH CHECK OPTION
    ("53", Meaning::Unavailable),                       // insufficient resources
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Appendix A as the server's own package has it: code and condition name.
    fn appendix_a() -> Vec<(String, String)> {
        let folders = std::fs::read_dir("/usr/share/postgresql").into_iter().flatten().flatten();
        let text = folders
            .filter_map(|folder| std::fs::read_to_string(folder.path().join("errcodes.txt")).ok())
            .next()
            .expect("PostgreSQL's errcodes.txt is not installed: run `make setup`, or apt-get install postgresql");
        let line = |line: &str| {
            let mut words = line.split_whitespace();
            let (code, _kind, name) = (words.next()?, words.next()?, words.next()?);
            let is_code = code.len() == 5 && code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
            is_code.then(|| (code.to_owned(), name.to_owned()))
        };
        text.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect()
    }

    #[test]
    fn every_sqlstate_of_appendix_a_has_the_meaning_of_its_class() {
        let codes = appendix_a();
        assert!(codes.len() > 230, "{} codes were read", codes.len());
        // Written down apart from the tables: each class of the appendix, with its transient exceptions.
        let mut seen: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (code, _) in &codes {
            let transient = matches!(
                meaning(code),
                Meaning::Conflict
                    | Meaning::Locked
                    | Meaning::Timeout
                    | Meaning::Full
                    | Meaning::Disconnected
                    | Meaning::Unavailable
            );
            if transient {
                seen.entry(code[..2].to_owned()).or_default().push(code);
            }
        }
        for codes in seen.values_mut() {
            codes.sort_unstable();
            codes.dedup();
        }
        let expected: BTreeMap<String, Vec<&str>> = [
            ("08", vec!["08000", "08001", "08003", "08004", "08006", "08007"]),
            ("25", vec!["25P03"]),
            ("40", vec!["40001", "40003", "40P01"]),
            ("53", vec!["53000", "53100", "53200", "53300", "53400"]),
            ("55", vec!["55006", "55P03"]),
            ("57", vec!["57014", "57P01", "57P02", "57P03", "57P05"]),
            ("58", vec!["58030"]),
        ]
        .into_iter()
        .map(|(class, codes)| (class.to_owned(), codes))
        .collect();
        assert_eq!(seen, expected, "only these may be told to try again");
    }

    #[test]
    fn data_exceptions_are_invalid_values_and_never_transient() {
        for (code, name) in appendix_a().iter().filter(|(code, _)| code.starts_with("22")) {
            assert_eq!(meaning(code), Meaning::InvalidValue, "{code} {name}");
        }
        for (code, name) in appendix_a().iter().filter(|(code, _)| code.starts_with("23")) {
            assert!(matches!(meaning(code), Meaning::Constraint(_)), "{code} {name}");
        }
    }

    #[test]
    fn a_protocol_violation_is_the_end_of_a_session_only_when_it_is_fatal() {
        assert!(is_end_of_session("08P01", true) && !is_end_of_session("08P01", false));
        assert!(!is_end_of_session("3D000", true), "a database that does not exist will not come by waiting");
        assert_eq!(meaning("08P01"), Meaning::Other);
    }

    #[test]
    fn only_a_statement_that_was_prepared_before_a_change_is_stale() {
        assert!(is_stale("0A000", Some("RevalidateCachedQuery")));
        assert!(!is_stale("0A000", Some("transformStmt")) && !is_stale("0A000", None));
        assert!(!is_stale("42601", Some("RevalidateCachedQuery")));
    }

    #[test]
    fn codes_that_sqlite_knows_by_their_lowest_byte_keep_their_own_meaning() {
        // Taken modulo 256 these are SQLite's BUSY, READONLY, FULL and CONSTRAINT.
        assert_eq!(meaning("22021"), Meaning::InvalidValue, "a zero byte in a text");
        assert_eq!(meaning("42501"), Meaning::Denied, "permission denied");
        assert_eq!(meaning("21000"), Meaning::Other, "ON CONFLICT DO UPDATE twice");
        assert_eq!(meaning("53000"), Meaning::Unavailable);
        assert_eq!(meaning("22026"), Meaning::InvalidValue);
        assert_eq!(meaning("22035"), Meaning::InvalidValue);
        assert_eq!(meaning("57014"), Meaning::Timeout);
        assert_eq!(meaning(""), Meaning::Other);
    }
}

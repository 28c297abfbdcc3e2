//! SQLite's result codes (<https://www.sqlite.org/rescode.html>): the lowest byte is the primary code.

use super::constraint::ConstraintKind;
use super::meaning::Meaning;

/// The meaning of an extended result code.
pub(crate) fn meaning(code: i32) -> Meaning {
    match code {
        // Input/output errors of writes: on a full disk SQLite says these instead of FULL.
        778 | 1034 | 1290 | 1546 | 4618 | 4874 | 5386 => return Meaning::Full,
        // BUSY_SNAPSHOT: another connection wrote after the read began.
        517 => return Meaning::Conflict,
        1555 | 2067 | 2579 => return Meaning::Constraint(ConstraintKind::Unique),
        787 => return Meaning::Constraint(ConstraintKind::ForeignKey),
        1299 => return Meaning::Constraint(ConstraintKind::NotNull),
        275 | 3091 => return Meaning::Constraint(ConstraintKind::Check),
        _ => {}
    }
    match code & 0xff {
        3 | 23 => Meaning::Denied,             // PERM, AUTH
        4 => Meaning::Aborted,                 // ABORT
        5 | 15 => Meaning::Locked,             // BUSY after the busy timeout, PROTOCOL
        6 | 17 => Meaning::Conflict,           // LOCKED by a connection of this process, SCHEMA
        7 | 10 | 14 => Meaning::Unavailable,   // NOMEM, IOERR, CANTOPEN
        8 => Meaning::ReadOnly,                // READONLY
        9 => Meaning::Timeout,                 // INTERRUPT
        13 => Meaning::Full,                   // FULL
        18 | 20 | 25 => Meaning::InvalidValue, // TOOBIG, MISMATCH, RANGE
        19 => Meaning::Constraint(ConstraintKind::Other),
        _ => Meaning::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every primary result code, by name.
    const PRIMARY: [(i32, &str); 31] = [
        (0, "OK"),
        (1, "ERROR"),
        (2, "INTERNAL"),
        (3, "PERM"),
        (4, "ABORT"),
        (5, "BUSY"),
        (6, "LOCKED"),
        (7, "NOMEM"),
        (8, "READONLY"),
        (9, "INTERRUPT"),
        (10, "IOERR"),
        (11, "CORRUPT"),
        (12, "NOTFOUND"),
        (13, "FULL"),
        (14, "CANTOPEN"),
        (15, "PROTOCOL"),
        (16, "EMPTY"),
        (17, "SCHEMA"),
        (18, "TOOBIG"),
        (19, "CONSTRAINT"),
        (20, "MISMATCH"),
        (21, "MISUSE"),
        (22, "NOLFS"),
        (23, "AUTH"),
        (24, "FORMAT"),
        (25, "RANGE"),
        (26, "NOTADB"),
        (27, "NOTICE"),
        (28, "WARNING"),
        (100, "ROW"),
        (101, "DONE"),
    ];

    #[test]
    fn only_these_primary_codes_are_transient() {
        let transient = |code: i32| {
            matches!(
                meaning(code),
                Meaning::Conflict
                    | Meaning::Locked
                    | Meaning::Timeout
                    | Meaning::Full
                    | Meaning::Disconnected
                    | Meaning::Unavailable
            )
        };
        let names: Vec<&str> = PRIMARY.into_iter().filter(|(code, _)| transient(*code)).map(|(_, name)| name).collect();
        assert_eq!(names, ["BUSY", "LOCKED", "NOMEM", "INTERRUPT", "IOERR", "FULL", "CANTOPEN", "PROTOCOL", "SCHEMA"]);
    }

    #[test]
    fn each_code_has_its_meaning() {
        use ConstraintKind::{Check, ForeignKey, NotNull, Unique};
        for (code, expected) in [
            (778, Meaning::Full),
            (1034, Meaning::Full),
            (13, Meaning::Full),
            (517, Meaning::Conflict),
            (6, Meaning::Conflict),
            (17, Meaning::Conflict),
            (1555, Meaning::Constraint(Unique)),
            (2067, Meaning::Constraint(Unique)),
            (2579, Meaning::Constraint(Unique)),
            (787, Meaning::Constraint(ForeignKey)),
            (1299, Meaning::Constraint(NotNull)),
            (275, Meaning::Constraint(Check)),
            (3091, Meaning::Constraint(Check)),
            (19, Meaning::Constraint(ConstraintKind::Other)),
            (3, Meaning::Denied),
            (23, Meaning::Denied),
            (4, Meaning::Aborted),
            (5, Meaning::Locked),
            (261, Meaning::Locked),
            (15, Meaning::Locked),
            (7, Meaning::Unavailable),
            (10, Meaning::Unavailable),
            (14, Meaning::Unavailable),
            (8, Meaning::ReadOnly),
            (9, Meaning::Timeout),
            (18, Meaning::InvalidValue),
            (20, Meaning::InvalidValue),
            (25, Meaning::InvalidValue),
            (1, Meaning::Other),
            (11, Meaning::Other),
        ] {
            assert_eq!(meaning(code), expected, "{code}");
        }
    }

    #[test]
    fn extended_codes_have_the_meaning_of_their_primary_code_or_a_narrower_one() {
        for primary in 1..=28 {
            for extension in 0..=40 {
                let (narrow, broad) = (meaning(primary | extension << 8), meaning(primary));
                let narrower = matches!(
                    (narrow, broad),
                    (Meaning::Constraint(_), Meaning::Constraint(_))
                        | (Meaning::Full, Meaning::Unavailable)
                        | (Meaning::Conflict, Meaning::Locked)
                );
                assert!(narrow == broad || narrower, "{primary} with {extension}: {narrow:?} and {broad:?}");
            }
        }
    }
}

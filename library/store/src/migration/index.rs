//! Half-built indexes: `CREATE INDEX CONCURRENTLY` that ends in the middle leaves its index INVALID, which slows every write and serves no
//! read. A second run would refuse it ("already exists"), or take it for whole (`IF NOT EXISTS`).

use super::turn::session;
use crate::{StoreError, Transaction, args};

/// The index that a statement builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConcurrentIndex {
    /// As it is written in the statement, with the schema of its table when that is written too.
    pub(crate) name: String,
}

/// The state of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Missing,
    Whole,
    /// INVALID: a run ended in the middle, or still goes on.
    HalfBuilt,
}

impl ConcurrentIndex {
    /// Reads `CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON [ONLY] [schema.]table`. None when the statement is another one.
    ///
    /// # Errors
    /// When the index has no name: nothing could find it again.
    pub(crate) fn of(sql: &str) -> Result<Option<Self>, &'static str> {
        let words = words(sql);
        let mut words = words.iter().map(String::as_str).peekable();
        let mut next_is = |expected: &str| words.next_if(|word| word.eq_ignore_ascii_case(expected)).is_some();
        if !next_is("CREATE") {
            return Ok(None);
        }
        next_is("UNIQUE");
        if !next_is("INDEX") || !next_is("CONCURRENTLY") {
            return Ok(None);
        }
        if next_is("IF") {
            next_is("NOT");
            next_is("EXISTS");
        }
        if next_is("ON") {
            return Err("name the index, so that the next run finds it when this one ends in the middle");
        }
        let Some(name) = words.next().map(str::to_owned) else { return Ok(None) };
        let mut next_is = |expected: &str| words.next_if(|word| word.eq_ignore_ascii_case(expected)).is_some();
        next_is("ON");
        next_is("ONLY");
        let table = words.next().unwrap_or_default();
        let name = if words.next() == Some(".") { format!("{table}.{name}") } else { name };
        Ok(Some(Self { name }))
    }

    /// Looks the index up.
    pub(crate) async fn state(&self, tx: &mut Transaction) -> Result<State, StoreError> {
        let valid = "SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = to_regclass($1)";
        let valid: Option<(bool,)> = tx.fetch_optional_as(valid, args![&self.name]).await?;
        Ok(match valid {
            None => State::Missing,
            Some((true,)) => State::Whole,
            Some((false,)) => State::HalfBuilt,
        })
    }

    /// Names the session that builds an index, or cleans up, on the same table at this moment: its runner may be gone already.
    pub(crate) async fn builder(&self, tx: &mut Transaction) -> Result<Option<String>, StoreError> {
        let builder: Option<(i64, String, String)> = tx
            .fetch_optional_as(
                "SELECT CAST(a.pid AS BIGINT), COALESCE(CAST(a.client_addr AS TEXT), 'local'), COALESCE(a.application_name, '') \
                 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
                 JOIN pg_index i ON i.indrelid = l.relation AND i.indexrelid = to_regclass($1) \
                 WHERE l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock' AND l.pid <> pg_backend_pid() \
                   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1",
                args![&self.name],
            )
            .await?;
        Ok(builder.map(|(pid, address, application)| {
            format!("{} has worked on the table of index {}", session(pid, &address, &application), self.name)
        }))
    }

    /// The statement that removes it.
    pub(crate) fn drop_statement(&self) -> String {
        format!("DROP INDEX CONCURRENTLY IF EXISTS {}", self.name)
    }
}

/// The words of a statement without its comments; a quoted name is one word, points and brackets are words.
fn words(sql: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut rest = sql;
    let end = |word: &mut String, words: &mut Vec<String>| {
        if !word.is_empty() {
            words.push(std::mem::take(word));
        }
    };
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        if let Some(comment) = rest.strip_prefix("--") {
            length = 2 + comment.find('\n').unwrap_or(comment.len());
            end(&mut word, &mut words);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            length = 2 + comment.find("*/").map_or(comment.len(), |at| at + 2);
            end(&mut word, &mut words);
        } else if c == '"' {
            // A doubled quote begins the next part of the same name.
            length = rest[1..].find('"').map_or(rest.len(), |at| at + 2);
            word.push_str(&rest[..length]);
        } else if c.is_whitespace() || c == ';' {
            end(&mut word, &mut words);
        } else if matches!(c, '.' | '(' | ')' | ',') {
            end(&mut word, &mut words);
            words.push(c.to_string());
        } else {
            word.push(c);
        }
        rest = &rest[length..];
    }
    end(&mut word, &mut words);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_statement_is_found_in_every_spelling() {
        for (sql, name) in [
            ("CREATE INDEX CONCURRENTLY notes_text ON notes (text)", "notes_text"),
            ("create unique index concurrently if not exists notes_text on only notes(text);", "notes_text"),
            ("-- why\nCREATE /* really */ INDEX CONCURRENTLY a ON app.notes (text)", "app.a"),
            ("CREATE INDEX CONCURRENTLY \"No\"\"tes on\" ON \"My App\".\"n\" (text)", "\"My App\".\"No\"\"tes on\""),
        ] {
            let index = ConcurrentIndex::of(sql).unwrap().unwrap();
            assert_eq!(index.name, name, "{sql}");
            assert_eq!(index.drop_statement(), format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"));
        }
    }

    #[test]
    fn another_statement_builds_no_index_concurrently() {
        for sql in [
            "",
            "VACUUM notes",
            "CREATE INDEX a ON notes (text)",
            "CREATE TABLE index (concurrently int)",
            "CREATE INDEX CONCURRENTLY",
        ] {
            assert_eq!(ConcurrentIndex::of(sql), Ok(None), "{sql}");
        }
    }

    #[test]
    fn an_index_without_a_name_is_refused() {
        for sql in ["CREATE INDEX CONCURRENTLY ON notes (text)", "CREATE UNIQUE INDEX CONCURRENTLY ON notes (text)"] {
            assert!(ConcurrentIndex::of(sql).is_err(), "{sql}");
        }
    }
}

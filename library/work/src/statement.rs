//! SQL statements, one file an engine: `src/postgres` and `src/sqlite` have files of the same names.

use store::Engine;

/// One operation in the words of both engines. The values are the same and in the same order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

impl Statement {
    pub(crate) const fn on(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }
}

/// Reads the two files of a statement.
macro_rules! statement {
    ($name:literal) => {
        $crate::statement::Statement {
            sqlite: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/postgres/", $name, ".sql")),
        }
    };
}
pub(crate) use statement;

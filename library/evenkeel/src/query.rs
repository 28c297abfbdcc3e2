//! Questions in SQL about the live state: the route of the admin listener, and the subcommand that asks it.

pub(crate) mod command;
mod exchange;
mod routes;

pub use self::command::QueryFailed;
pub(crate) use self::routes::routes;

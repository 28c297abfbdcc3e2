//! The operator behind a change on the admin listener: identity, origin, second word, and audit.
//!
//! Every request of the admin listener but GET, HEAD, OPTIONS and questions in SQL changes something, the routes of the service's own included. Such a
//! request passes the guard before any handler runs:
//!
//! - the border has refused it already when a page of another origin sent it (`Sec-Fetch-Site`, `Origin`);
//! - with a token file (`ADMIN_TOKEN_FILE`) it needs the token of an operator, who is then its author;
//! - without one it must come from this host itself, to an address and not to a name, and its author is the one in its body.
//!
//! The file is read at each change, so that a token that was taken out ends at once. A file that cannot be read refuses every change.

mod act;
mod guard;
mod here;
mod signed;
mod token_file;

#[cfg(feature = "store")]
pub(crate) use self::act::MAX_TEXT;
pub(crate) use self::guard::{Guard, guarded};
pub use self::signed::{Nothing, Signed};
pub(crate) use self::token_file::TokenFile;

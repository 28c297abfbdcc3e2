//! Sessions of signed-in people: sealed cookies, bounded in time and revocable.
//!
//! - [`Sessions`]: starts, reads, renews and ends sessions.
//! - [`SessionKeys`]: the keys that seal the cookies, and their rotation.
//! - [`CursorKey`]: seals the cursors of lists.
//! - [`Revocations`]: sessions that ended before their time; [`MemoryRevocations`] for one process.
//!
//! The cookie is `__Host-session`: Secure, HttpOnly, SameSite=Lax, Path=/, without Domain. It holds who signed in and when, sealed with XChaCha20-Poly1305, so that neither
//! its holder nor a script can read or change it. It ends an hour after the last
//! request, and twelve hours after the sign-in in any case ([`SessionRules`]).
//!
//! ```
//! use std::sync::Arc;
//! use std::time::SystemTime;
//!
//! use evenkeel_access::{MemoryRevocations, SessionKeys, SessionRules, Sessions};
//!
//! let sessions = Sessions::new(SessionKeys::random(), SessionRules::default());
//! let now = SystemTime::now();
//! let (session, cookie) = sessions.start("ann", now)?;
//! let mut headers = http::HeaderMap::new();
//! headers.insert("cookie", cookie.to_str()?.split(';').next().unwrap_or_default().parse()?);
//! assert_eq!(sessions.read(&headers, now)?, Some(session.clone()));
//!
//! let ended = MemoryRevocations::default();
//! ended.add(session.id(), sessions.end_of(&session));
//! assert!(ended.has(session.id(), now));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features and platforms
//!
//! No features. No part needs a platform; tested on Linux.

mod cookie;
mod cursor;
mod keys;
mod revocation;
mod session;
mod sessions;

pub use cursor::CursorKey;
pub use keys::{InvalidKeys, SessionKeys};
pub use revocation::{Answer, MemoryRevocations, Revocations};
pub use session::Session;
pub use sessions::{InvalidSession, SessionRules, Sessions};

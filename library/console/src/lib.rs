//! The operator's seat: the live state of a service in pages, and questions about it.
//!
//! [`pages`] shows the live state as HTML, with the levers that change it.
//! [`query`] answers SQL over every table of the [registry](vitals::Registry), read-only, and bounded in time, rows and memory.
//!
//! ```
//! use evenkeel_console::query::{Cell, Query, Question};
//! use vitals::Registry;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let registry = Registry::new();
//! registry.bus().publish("breaker", "bank", "open", "5 of 5 calls failed");
//!
//! let query = Query::new(&registry);
//! let answer = query.ask(Question::new("SELECT name, state FROM events WHERE part = 'breaker'")).await.unwrap();
//! assert_eq!(answer.rows, [[Cell::Text("bank".into()), Cell::Text("open".into())]]);
//!
//! let refused = query.ask(Question::new("DELETE FROM events")).await.unwrap_err();
//! assert!(refused.to_string().contains("read-only"));
//! # }
//! ```
//!
//! # Features and platforms
//!
//! No features. It links the SQLite that the store links. Elsewhere than on Linux a question has no bound on the growth of the process's memory, and
//! its thread has the priority of the others.

pub mod pages;
pub mod query;

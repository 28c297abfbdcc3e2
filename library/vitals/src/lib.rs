//! Live state: the registry, its history, the event bus, work in flight, ids and build information. The lowest layer.
//!
//! Every part that has state registers one [`Source`] of typed rows and publishes its changes as [`Event`]s. Prometheus text, the health
//! document and every later view read the same [`Registry`]; a part does not depend on its views.
//!
//! ```
//! use std::sync::Arc;
//! use evenkeel_vitals::{Column, Registry, TableRow, Source, Table, TableValue};
//!
//! struct Pool;
//! const POOL: Table = Table {
//!     name: "pool",
//!     help: "A pool of connections.",
//!     columns: &[Column::label("name", "The pool."), Column::gauge("in_use", "Connections in use.")],
//! };
//! impl Source for Pool {
//!     fn table(&self) -> &'static Table {
//!         &POOL
//!     }
//!     fn rows(&self) -> Vec<TableRow> {
//!         vec![vec![TableValue::text("main"), TableValue::from(3u64)]]
//!     }
//! }
//!
//! let registry = Registry::new();
//! let pool = Arc::new(Pool);
//! registry.register(pool.clone());
//! assert_eq!(registry.snapshot().len(), 1);
//! ```
//!
//! # Features and platforms
//!
//! No features. Tested on Linux; no part needs it. Elsewhere [`Instance`] takes the host's name from the variable `HOSTNAME`.

mod buckets;
mod build;
mod entropy;
mod event;
pub mod exponential;
pub mod heavy_hitters;
mod histogram;
pub mod history;
mod id;
mod in_flight;
mod live;
mod registry;
mod snapshot;
mod table;

pub use buckets::Buckets;
pub use build::{Build, Instance};
pub use entropy::{entropy, fill_entropy, random_fraction, seed_entropy};
pub use event::{Bus, EVENTS_KEPT, Event, PastEvents};
pub use histogram::Histogram;
pub use history::History;
pub use id::{InvalidId, TraceContext, new_id, new_request_id, new_request_id_and_trace};
pub use in_flight::{InFlight, InFlightSlot, Step, Work};
pub use live::{Live, Reading};
pub use registry::{Registry, Tables};
pub use snapshot::{CLASSIC_BOUNDS, CLASSIC_LARGEST, CLASSIC_SMALLEST, Exemplar, HistogramSnapshot};
pub use table::{Column, Kind, Snapshot, Source, Table, TableRow, TableValue, Unit};

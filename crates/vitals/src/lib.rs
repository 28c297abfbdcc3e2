//! The registry of live state, the event bus, ids and build information.

//! Logs, metrics and health: the views over the registry of vitals.

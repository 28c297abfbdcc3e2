//! Settings of faults.

/// Settings of a fault, by their names.
pub type Settings = serde_json::Map<String, serde_json::Value>;

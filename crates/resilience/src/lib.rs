//! Deadlines and backoff: what protects a call, knowing neither HTTP nor SQL.

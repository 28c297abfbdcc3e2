//! Faults of processes and of the host, each with its undo written down before it acts.

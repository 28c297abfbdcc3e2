//! What hostile clients do, each bounded in rate and time.

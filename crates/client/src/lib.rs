//! The HTTP client: timeouts, bounded answers, propagation.

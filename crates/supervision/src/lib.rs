//! The life of the process and its parts: start, ready, drain, stop.

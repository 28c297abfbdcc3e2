//! The HTTP server between the socket and the handler.

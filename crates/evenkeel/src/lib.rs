//! The default library for services that have to stay up.

//! The checklist through its public interface.

mod catalogue;
mod decisions;
mod plan;
mod rooms;
mod subject;

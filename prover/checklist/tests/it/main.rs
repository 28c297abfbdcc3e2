//! The checklist through its public interface.

mod catalogue;
mod decisions;
mod plan;
mod subject;

//! The checklist through its public interface.

mod catalogue;
mod decisions;
mod keys_page;
mod matrix;
mod plan;
mod rooms;
mod subject;

//! Schedules.

/// A schedule.
#[derive(Debug)]
pub struct Schedule;
/// The policy for missed slots.
#[derive(Clone, Copy, Debug)]
pub enum MissedSlots {
    /// One job.
    Once,
}

//! Faults on Linux: control groups, mounts, resource limits, network devices.

pub(super) mod cgroup;
mod disk;
mod limits;
mod network;
pub(super) mod planner;
mod undo_actions;

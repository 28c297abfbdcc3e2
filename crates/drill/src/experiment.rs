//! An experiment: a steady-state hypothesis, faults, abort conditions, rollback, a report.

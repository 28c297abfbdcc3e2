//! Questions through the public interface.

mod bounds;
mod fuzz;
mod reading;
mod refused;
mod service;

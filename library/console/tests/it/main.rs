//! Questions through the public interface.

mod bounds;
mod fuzz;
mod pages;
mod reading;
mod refused;
mod service;

//! The catalogue of attributes, the probes that examine them and the reports.

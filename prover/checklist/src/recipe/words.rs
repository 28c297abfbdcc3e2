//! Words by which a line of output reports a fault, as a regular expression of Rust and of Python.

/// Lines that report a fault, and not only the next step.
pub(crate) const OF_A_FAULT: &str = r"(?i)in ?use|taken|occupied|err|fail|cannot|can't|can not|could ?n[o']t|unable|denied|refus|panic|fatal|invalid|must|expect|\bnot\b|unknown|bad|wrong|malformed|illegal|missing|no such|exception";

//! Who asked what, when, what came back, and whether that can be right.

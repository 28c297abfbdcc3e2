//! Parts of a sample that both text formats write in the same way.

use std::fmt::Write;

/// Writes a number as both text formats have it.
pub(super) fn write_number(out: &mut String, number: f64) {
    let _ = match number {
        f64::INFINITY => write!(out, "+Inf"),
        f64::NEG_INFINITY => write!(out, "-Inf"),
        number => write!(out, "{number}"),
    };
}

/// Writes a series: its name, its labels in braces, and a space.
pub(super) fn write_series(out: &mut String, name: [&str; 2], labels: &str, more: &str) {
    name.iter().for_each(|part| out.push_str(part));
    if !(labels.is_empty() && more.is_empty()) {
        out.push('{');
        out.push_str(labels);
        if !labels.is_empty() && !more.is_empty() {
            out.push(',');
        }
        out.push_str(more);
        out.push('}');
    }
    out.push(' ');
}

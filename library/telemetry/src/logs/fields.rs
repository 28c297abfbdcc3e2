//! The fields of events and spans as JSON, redacted and cut.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};

use super::json::{push_float, push_text};
use crate::redact;

/// A longer text field is cut.
pub const MAX_FIELD_BYTES: usize = 8 * 1024;

/// Takes the fields of one event or span, each with its value as JSON.
pub(super) trait Take {
    /// Returns false for a field that it leaves out, whose value need not be made.
    fn wants(&self, name: &'static str) -> bool;

    /// Takes a field that it wants; `write` appends its value.
    fn take(&mut self, name: &'static str, write: impl FnOnce(&mut String));
}

/// Passes fields on, with their values redacted.
pub(super) struct Fields<T>(pub(super) T);

/// The first characters of a text, at most `most` bytes.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Appends a text without its secrets.
fn push_redacted(out: &mut String, text: &str) {
    // Redacted before it is cut: a cut inside a URL would leave a password without the `@` that shows what it is.
    push_text(out, cut(&redact::text(text), MAX_FIELD_BYTES));
}

impl<T: Take> Fields<T> {
    fn put(&mut self, field: &Field, write: impl FnOnce(&mut String)) {
        let name = field.name();
        if !self.0.wants(name) {
            return;
        }
        match redact::is_secret_name(name) {
            true => self.0.take(name, |out| push_text(out, redact::REDACTED)),
            false => self.0.take(name, write),
        }
    }

    fn put_displayed(&mut self, field: &Field, value: impl fmt::Display) {
        self.put(field, |out| {
            let _ = write!(out, "{value}");
        });
    }
}

impl<T: Take> Visit for Fields<T> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, |out| push_float(out, value));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_displayed(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_displayed(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put_displayed(field, value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, |out| push_redacted(out, value));
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, |out| {
            let mut text = value.to_string();
            let mut cause = value.source();
            while let Some(next) = cause {
                let _ = write!(text, ": {next}");
                cause = next.source();
            }
            push_redacted(out, &text);
        });
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, |out| push_redacted(out, &format!("{value:?}")));
    }
}

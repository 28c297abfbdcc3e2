//! Fields of `tracing` spans, written once when they are recorded and shown on each line inside the span.

use tracing::field::Visit;
use tracing::span::{Attributes, Record};

use super::fields::{Fields, Take};

/// The most fields of a span that are kept.
const MAX_SPAN_FIELDS: usize = 32;

/// The fields of a span, with their values as JSON.
#[derive(Debug, Default)]
pub(super) struct SpanFields(Vec<(&'static str, String)>);

impl SpanFields {
    /// The fields of a new span.
    pub(super) fn of(attributes: &Attributes<'_>) -> Self {
        let mut fields = Self::default();
        attributes.record(&mut Fields(&mut fields) as &mut dyn Visit);
        fields
    }

    /// Takes fields that are recorded later, in place of earlier ones of the same names.
    pub(super) fn record(&mut self, values: &Record<'_>) {
        values.record(&mut Fields(self) as &mut dyn Visit);
    }

    /// Names and values.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

impl Take for &mut SpanFields {
    fn wants(&self, _name: &'static str) -> bool {
        true
    }

    fn take(&mut self, name: &'static str, write: impl FnOnce(&mut String)) {
        let mut value = String::new();
        write(&mut value);
        match self.0.iter().position(|(known, _)| *known == name) {
            Some(at) => self.0[at].1 = value,
            None if self.0.len() < MAX_SPAN_FIELDS => self.0.push((name, value)),
            None => {}
        }
    }
}

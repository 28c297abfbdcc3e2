//! Spans: pieces of a request's work, named and timed.

use std::borrow::Cow;

/// The most attributes of a span; further ones are left out.
pub const MAX_ATTRIBUTES: usize = 16;
/// Room for attributes that a span gets with its first one: most spans have no more.
const USUAL_ATTRIBUTES: usize = 4;
/// A longer name or text of an attribute is cut.
pub const MAX_TEXT_BYTES: usize = 512;

/// The role of a span in its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Work inside of the service.
    Internal,
    /// A request that the service answers.
    Server,
    /// A request to a dependency.
    Client,
    /// An attempt of a job.
    Consumer,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanValue {
    /// A text.
    Text(Cow<'static, str>),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

/// A span that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) id: [u8; 8],
    pub(crate) parent: Option<[u8; 8]>,
    pub(crate) kind: SpanKind,
    pub(crate) name: Cow<'static, str>,
    /// Nanoseconds since the beginning of its request; since 1970 from the request's end on.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) attributes: Vec<(&'static str, SpanValue)>,
    pub(crate) failed: bool,
}

impl Span {
    pub(crate) fn set(&mut self, name: &'static str, mut value: SpanValue) {
        if self.attributes.len() >= MAX_ATTRIBUTES {
            return;
        }
        if let SpanValue::Text(text) = &mut value
            && text.len() > MAX_TEXT_BYTES
        {
            *text = cut(std::mem::take(text));
        }
        if self.attributes.capacity() == 0 {
            self.attributes = Vec::with_capacity(USUAL_ATTRIBUTES);
        }
        self.attributes.push((name, value));
    }
}

/// The first bytes of a text, at most [`MAX_TEXT_BYTES`].
pub(crate) fn cut(text: Cow<'static, str>) -> Cow<'static, str> {
    if text.len() <= MAX_TEXT_BYTES {
        return text;
    }
    let end = (0..=MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

impl From<&'static str> for SpanValue {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for SpanValue {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for SpanValue {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u16> for SpanValue {
    fn from(number: u16) -> Self {
        Self::Number(i64::from(number))
    }
}

impl From<u32> for SpanValue {
    fn from(number: u32) -> Self {
        Self::Number(i64::from(number))
    }
}

impl From<bool> for SpanValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

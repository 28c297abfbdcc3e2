//! One ambiguous message, and its lines and body around the hidden request.

/// One ambiguous message.
pub(super) struct Shape {
    /// Its ambiguity.
    pub(super) name: &'static str,
    /// Written after the head's other lines; filled by [`Shape::filled`].
    pub(super) lines: &'static str,
    /// The body; filled likewise.
    pub(super) body: &'static str,
    /// The meaning of an answer to the hidden request.
    pub(super) second: Second,
}

impl Shape {
    /// Lines and body around the hidden request, so that each reading ends at one of its borders, however long it is.
    ///
    /// `{hidden}` is the request, `{size}` its length in hexadecimal, `{line}` the length of a line of that size, `{ended}` the
    /// length of the request with a last chunk before it in hexadecimal, `{digits}` how many digits that has and `{filler}`
    /// as many letters. In the lines `{whole}` is the body's length.
    pub(super) fn filled(&self, hidden: &str) -> (String, String) {
        let size = format!("{:x}", hidden.len());
        let ended = format!("{:x}", hidden.len() + "0\r\n\r\n".len());
        let body = self.body.replace("{size}", &size).replace("{ended}", &ended);
        let body = body.replace("{digits}", &ended.len().to_string()).replace("{filler}", &"x".repeat(ended.len()));
        let body = body.replace("{hidden}", hidden);
        let lines = self.lines.replace("{line}", &(size.len() + "\r\n".len()).to_string());
        (lines.replace("{whole}", &body.len().to_string()), body)
    }
}

/// The meaning of an answer to the hidden request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Second {
    /// The message must be refused, or end its connection: it was smuggled.
    Smuggled,
    /// A lenient reading that no clause forbids: the hidden request is simply the next one.
    Pipelined,
}

//! The outcome of one request.

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The expected status.
    Expected,
    /// Another one; the hundreds, 1 to 9.
    Status(u8),
    /// No whole answer in time, or before the run was ended: whether the request was carried out is not known.
    Timeout,
    /// No connection.
    Refused,
    /// The connection was reset or closed before a whole answer.
    Reset,
    /// The bytes that came are not HTTP, or exceed keel's own limits; [`Report::broken`](crate::Report::broken) has the reasons.
    Broken,
    /// The request was not sent: too many were waiting for a free connection, or the run was ended.
    NotSent,
}

impl Outcome {
    /// In reports.
    pub fn word(self) -> String {
        match self {
            Self::Expected => "expected".to_owned(),
            Self::Status(hundreds) => format!("{hundreds}xx"),
            Self::Timeout => "timeout".to_owned(),
            Self::Refused => "refused".to_owned(),
            Self::Reset => "reset".to_owned(),
            Self::Broken => "broken".to_owned(),
            Self::NotSent => "not-sent".to_owned(),
        }
    }

    /// The outcome that reports call so.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        let plain = [Self::Expected, Self::Timeout, Self::Refused, Self::Reset, Self::Broken, Self::NotSent];
        let statuses = (1..=9).map(Self::Status);
        plain.into_iter().chain(statuses).find(|outcome| outcome.word() == word)
    }
}
